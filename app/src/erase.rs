//! Views of erased type, cheap in bytes.
//!
//! Without erasure the type of a page is its whole tree, which exceeds the compiler's depth and is compiled anew for every
//! place it stands in. Leptos' own `into_any` makes, of every type, a second one that owns its strings and a future that
//! hydrates it piece by piece, for routes that are loaded late. We have neither need: that was a third of the wasm module.

use leptos::prelude::*;
use leptos::tachys::html::attribute::Attribute;
use leptos::tachys::html::attribute::any_attribute::AnyAttribute;
use leptos::tachys::hydration::Cursor;
use leptos::tachys::ssr::StreamBuilder;
use leptos::tachys::view::{Position, PositionState};

/// Erases the type of a view.
pub(crate) trait Erase {
    /// As `into_any`, in fewer bytes. Attributes cannot be added from outside any more.
    fn erase(self) -> AnyView;
}

impl<T: RenderHtml + 'static> Erase for T {
    fn erase(self) -> AnyView {
        Whole(self).into_any()
    }
}

/// A view that is its own owner and is hydrated at once.
struct Whole<T>(T);

impl<T: Render> Render for Whole<T> {
    type State = T::State;

    fn build(self) -> Self::State {
        self.0.build()
    }

    fn rebuild(self, state: &mut Self::State) {
        self.0.rebuild(state);
    }
}

impl<T: RenderHtml + 'static> AddAnyAttr for Whole<T> {
    type Output<NewAttr: Attribute> = Self;

    fn add_any_attr<NewAttr: Attribute>(self, _: NewAttr) -> Self::Output<NewAttr> {
        self
    }
}

impl<T: RenderHtml + 'static> RenderHtml for Whole<T> {
    type AsyncOutput = T::AsyncOutput;
    type Owned = Self;

    const MIN_LENGTH: usize = T::MIN_LENGTH;
    const EXISTS: bool = T::EXISTS;

    fn dry_resolve(&mut self) {
        self.0.dry_resolve();
    }

    fn resolve(self) -> impl Future<Output = Self::AsyncOutput> + Send {
        self.0.resolve()
    }

    fn html_len(&self) -> usize {
        self.0.html_len()
    }

    fn to_html_with_buf(
        self,
        buf: &mut String,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        extra_attrs: Vec<AnyAttribute>,
    ) {
        self.0
            .to_html_with_buf(buf, position, escape, mark_branches, extra_attrs);
    }

    fn to_html_async_with_buf<const OUT_OF_ORDER: bool>(
        self,
        buf: &mut StreamBuilder,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        extra_attrs: Vec<AnyAttribute>,
    ) {
        self.0.to_html_async_with_buf::<OUT_OF_ORDER>(
            buf,
            position,
            escape,
            mark_branches,
            extra_attrs,
        );
    }

    fn hydrate<const FROM_SERVER: bool>(
        self,
        cursor: &Cursor,
        position: &PositionState,
    ) -> Self::State {
        self.0.hydrate::<FROM_SERVER>(cursor, position)
    }

    fn into_owned(self) -> Self {
        self
    }
}
