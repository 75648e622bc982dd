//! The head of every page: name, ways, what runs, and what it is not for.

use domain::NOT_FOR_DIAGNOSIS;
use leptos::prelude::*;

use crate::components::{Icon, IconName, ThemeToggle};
use crate::erase::Erase;
use crate::format;
use crate::live::{Live, is_active};
use crate::navigation::{CurrentPage, Page};

/// The head of every page.
#[component]
pub fn Header() -> impl IntoView {
    view! {
        <header class="header">
            <a class="header__name" href="/">
                <Logo />
                <span>"Marrowscope"</span>
            </a>
            <nav class="header__nav" aria-label="Pages">
                <NavLink href="/" text="Slides" />
                <NavLink href="/models" text="Models" />
                <NavLink href="/status" text="Status" />
            </nav>
            <p class="header__notice">{NOT_FOR_DIAGNOSIS}</p>
            <Activity />
            <ThemeToggle />
        </header>
    }
    .erase()
}

#[component]
fn NavLink(href: &'static str, text: &'static str) -> impl IntoView {
    let current: CurrentPage = expect_context();
    let page = Page::at(href);
    view! {
        <a href=href aria-current=move || current.is(&page).then_some("page")>
            {text}
        </a>
    }
}

/// What runs now, in a few words; leads to the list, where it is told in full.
#[component]
fn Activity() -> impl IntoView {
    let live = Live::get();
    let summary = move || {
        let progress = live.progress()?;
        let counts = progress.counts;
        let failed = counts.failed > 0;
        if is_active(&progress) {
            let left = counts.queued + counts.running;
            Some((
                IconName::Work,
                format!("{} to do", format::count(left, "job", "jobs")),
            ))
        } else if failed {
            Some((
                IconName::Warning,
                format!("{} failed", format::count(counts.failed, "job", "jobs")),
            ))
        } else {
            None
        }
    };
    view! {
        <Transition>
            {move || {
                summary()
                    .map(|(icon, text)| {
                        view! {
                            <a class="header__activity" href="/#progress">
                                <Icon name=icon />
                                <span>{text}</span>
                            </a>
                        }
                    })
            }}
        </Transition>
    }
    .erase()
}

/// A section through a trabecula with one large cell under the lens.
#[component]
fn Logo() -> impl IntoView {
    view! {
        <svg class="logo" viewBox="0 0 24 24" aria-hidden="true">
            <circle class="logo__lens" cx="12" cy="12" r="10.5" />
            <path class="logo__cell" d="M8.2 6.9c2-1.6 4.6-.9 6 .2 1.8 1.3 3.2 2.9 2.9 5.3-.3 2.5-2.1 4.4-4.6 4.7-2.6.4-5.4-.8-6.2-3.4-.7-2.4.1-5.3 1.9-6.8z" />
            <path class="logo__nucleus" d="M9.6 9c1.2-1 2.1.3 3.1.2 1.1-.2 2.2 0 2.4 1.2.2 1.1-1 1.6-1.2 2.5-.2 1-.9 1.9-2 1.6-.9-.2-1-1.2-1.8-1.5-1-.4-1.9-.9-1.7-2.1.1-.8.6-1.4 1.2-1.9z" />
        </svg>
    }
    .erase()
}
