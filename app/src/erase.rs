//! Views of erased type, cheap in bytes.
//!
//! Without erasure the type of a page is its whole tree: it exceeds the compiler's depth and is compiled anew for every
//! place it stands in. Leptos' own `AnyView` makes a second type of each, one that owns its strings, and a future that
//! hydrates it piece by piece, for routes that are loaded late. We have need of neither: that was a third of the wasm
//! module.

use std::any::{Any, TypeId};

use leptos::prelude::*;
use leptos::tachys::html::attribute::Attribute;
use leptos::tachys::html::attribute::any_attribute::AnyAttribute;
use leptos::tachys::hydration::Cursor;
use leptos::tachys::renderer::types::{Element, Node};
use leptos::tachys::ssr::StreamBuilder;
use leptos::tachys::view::{Mountable, Position, PositionState};

/// Erases the type of a view.
pub(crate) trait Erase {
    /// The same view. Attributes cannot be added to it from outside.
    fn erase(self) -> Erased;
}

impl<T: RenderHtml + 'static> Erase for T {
    fn erase(self) -> Erased {
        const {
            assert!(
                T::EXISTS,
                "a view that leaves no trace in the document cannot be replaced"
            )
        };
        Erased(Box::new(self))
    }
}

/// A view of erased type.
pub(crate) struct Erased(Box<dyn AnyKind>);

/// What is left of it in the document.
pub(crate) struct ErasedState {
    view_type: TypeId,
    state: Box<dyn AnyState>,
}

impl ErasedState {
    fn of<T: Render + 'static>(state: T::State) -> Self {
        Self {
            view_type: TypeId::of::<T>(),
            state: Box::new(state),
        }
    }
}

/// What every view can do.
trait AnyKind: Send {
    fn view_type(&self) -> TypeId;
    fn build(self: Box<Self>) -> ErasedState;
    fn rebuild(self: Box<Self>, state: &mut dyn Any);
    fn hydrate(self: Box<Self>, cursor: &Cursor, position: &PositionState) -> ErasedState;
    #[cfg(feature = "ssr")]
    fn dry_resolve(&mut self);
    #[cfg(feature = "ssr")]
    fn resolve(self: Box<Self>) -> std::pin::Pin<Box<dyn Future<Output = Erased> + Send>>;
    #[cfg(feature = "ssr")]
    fn html_len(&self) -> usize;
    #[cfg(feature = "ssr")]
    fn to_html(self: Box<Self>, buf: &mut String, position: &mut Position, how: Html);
    #[cfg(feature = "ssr")]
    fn to_stream(self: Box<Self>, buf: &mut StreamBuilder, position: &mut Position, how: Html);
}

/// How HTML is to be written.
#[cfg(feature = "ssr")]
struct Html {
    escape: bool,
    mark_branches: bool,
    extra_attrs: Vec<AnyAttribute>,
    out_of_order: bool,
}

impl<T: RenderHtml + 'static> AnyKind for T {
    fn view_type(&self) -> TypeId {
        TypeId::of::<T>()
    }

    fn build(self: Box<Self>) -> ErasedState {
        ErasedState::of::<T>((*self).build())
    }

    fn rebuild(self: Box<Self>, state: &mut dyn Any) {
        if let Some(state) = state.downcast_mut::<T::State>() {
            (*self).rebuild(state);
        }
    }

    fn hydrate(self: Box<Self>, cursor: &Cursor, position: &PositionState) -> ErasedState {
        ErasedState::of::<T>((*self).hydrate::<true>(cursor, position))
    }

    #[cfg(feature = "ssr")]
    fn dry_resolve(&mut self) {
        RenderHtml::dry_resolve(self);
    }

    #[cfg(feature = "ssr")]
    fn resolve(self: Box<Self>) -> std::pin::Pin<Box<dyn Future<Output = Erased> + Send>> {
        Box::pin(async move { RenderHtml::resolve(*self).await.into_owned().erase() })
    }

    #[cfg(feature = "ssr")]
    fn html_len(&self) -> usize {
        RenderHtml::html_len(self)
    }

    #[cfg(feature = "ssr")]
    fn to_html(self: Box<Self>, buf: &mut String, position: &mut Position, how: Html) {
        (*self).to_html_with_buf(
            buf,
            position,
            how.escape,
            how.mark_branches,
            how.extra_attrs,
        );
    }

    #[cfg(feature = "ssr")]
    fn to_stream(self: Box<Self>, buf: &mut StreamBuilder, position: &mut Position, how: Html) {
        let Html {
            escape,
            mark_branches,
            extra_attrs,
            out_of_order,
        } = how;
        if out_of_order {
            (*self).to_html_async_with_buf::<true>(
                buf,
                position,
                escape,
                mark_branches,
                extra_attrs,
            );
        } else {
            (*self).to_html_async_with_buf::<false>(
                buf,
                position,
                escape,
                mark_branches,
                extra_attrs,
            );
        }
    }
}

/// What every state can do.
trait AnyState {
    fn as_any(&mut self) -> &mut dyn Any;
    fn as_mountable(&self) -> &dyn Mountable;
    fn as_mountable_mut(&mut self) -> &mut dyn Mountable;
}

impl<S: Mountable + 'static> AnyState for S {
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }

    fn as_mountable(&self) -> &dyn Mountable {
        self
    }

    fn as_mountable_mut(&mut self) -> &mut dyn Mountable {
        self
    }
}

impl Mountable for ErasedState {
    fn unmount(&mut self) {
        self.state.as_mountable_mut().unmount();
    }

    fn mount(&mut self, parent: &Element, marker: Option<&Node>) {
        self.state.as_mountable_mut().mount(parent, marker);
    }

    fn insert_before_this(&self, child: &mut dyn Mountable) -> bool {
        self.state.as_mountable().insert_before_this(child)
    }

    fn elements(&self) -> Vec<Element> {
        self.state.as_mountable().elements()
    }
}

impl Render for Erased {
    type State = ErasedState;

    fn build(self) -> ErasedState {
        self.0.build()
    }

    fn rebuild(self, state: &mut ErasedState) {
        if self.0.view_type() == state.view_type {
            self.0.rebuild(state.state.as_any());
        } else {
            let mut new = self.0.build();
            state.insert_before_this(&mut new);
            state.unmount();
            *state = new;
        }
    }
}

impl AddAnyAttr for Erased {
    type Output<NewAttr: Attribute> = Self;

    fn add_any_attr<NewAttr: Attribute>(self, _: NewAttr) -> Self::Output<NewAttr> {
        self
    }
}

// What writes HTML has nothing to do in a browser, and stays out of its module.
#[cfg_attr(
    not(feature = "ssr"),
    expect(unused_variables, reason = "used by the server only")
)]
impl RenderHtml for Erased {
    type AsyncOutput = Self;
    type Owned = Self;

    const MIN_LENGTH: usize = 0;

    fn dry_resolve(&mut self) {
        #[cfg(feature = "ssr")]
        self.0.dry_resolve();
    }

    async fn resolve(self) -> Self {
        #[cfg(feature = "ssr")]
        return self.0.resolve().await;
        #[cfg(not(feature = "ssr"))]
        self
    }

    fn html_len(&self) -> usize {
        #[cfg(feature = "ssr")]
        return self.0.html_len();
        #[cfg(not(feature = "ssr"))]
        0
    }

    fn to_html_with_buf(
        self,
        buf: &mut String,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        extra_attrs: Vec<AnyAttribute>,
    ) {
        #[cfg(feature = "ssr")]
        self.0.to_html(
            buf,
            position,
            Html {
                escape,
                mark_branches,
                extra_attrs,
                out_of_order: false,
            },
        );
    }

    fn to_html_async_with_buf<const OUT_OF_ORDER: bool>(
        self,
        buf: &mut StreamBuilder,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        extra_attrs: Vec<AnyAttribute>,
    ) {
        #[cfg(feature = "ssr")]
        self.0.to_stream(
            buf,
            position,
            Html {
                escape,
                mark_branches,
                extra_attrs,
                out_of_order: OUT_OF_ORDER,
            },
        );
    }

    fn hydrate<const FROM_SERVER: bool>(
        self,
        cursor: &Cursor,
        position: &PositionState,
    ) -> ErasedState {
        self.0.hydrate(cursor, position)
    }

    fn into_owned(self) -> Self {
        self
    }
}
