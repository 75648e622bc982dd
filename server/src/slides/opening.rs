//! Slides are opened by one request for all that wait, and only while their files are those that were imported.

use std::sync::Arc;

use store::SlideFile;

use super::picture::{Kept, Picture, Unmade, changed};
use super::{Inner, Opened, Slides};
use crate::problem::Problem;
use crate::slide_file::{self, Found, OpenError};
use crate::turns::{Turn, too_many};

impl Slides {
    /// The slide of a code and version, opened if it is not open yet, and found unchanged a second ago at most.
    pub(super) async fn get(
        &self,
        name: &Arc<str>,
        code: &str,
        version: &str,
    ) -> Result<Arc<Opened>, Problem> {
        if let Some(opened) = self.0.registry.get(name) {
            if !self.0.registry.is_due(&opened) {
                return Ok(opened);
            }
            let asked = Arc::clone(&opened);
            let same = tokio::task::spawn_blocking(move || asked.slide.check_files()).await;
            if same
                .map_err(|panicked| Problem::internal(&panicked))?
                .is_ok()
            {
                return Ok(opened);
            }
            self.let_go(&opened);
        }
        let work = {
            let (inner, name) = (Arc::clone(&self.0), Arc::clone(name));
            let (code, version) = (code.to_owned(), version.to_owned());
            async move {
                let opened = inner.open(&name, &code, &version).await?;
                inner.registry.keep(Arc::clone(&opened));
                Ok(opened)
            }
        };
        let open = || self.0.registry.get(name).map(Ok);
        let flight = self.0.opening.join(name, open, work);
        flight.await
    }

    /// Lets go of a slide that is not what it was, and of all that was made of it.
    pub(super) fn let_go(&self, opened: &Arc<Opened>) {
        tracing::info!(slide = %opened.name, "the file of slide {} has changed", opened.name);
        self.0.registry.let_go(opened);
        let name = Arc::clone(&opened.name);
        let of_slide = move |picture: &Picture, _: &Kept| picture.slide == name;
        if let Err(error) = self.0.pictures.invalidate_entries_if(of_slide) {
            tracing::error!(%error, "pictures of a changed slide stay in the cache");
        }
    }
}

impl Inner {
    /// What the store knows of a slide's file.
    pub(super) async fn file_of(&self, code: &str, version: &str) -> Result<SlideFile, Problem> {
        let file = self.store.slide_file(code).await?;
        if file.version == version {
            Ok(file)
        } else {
            // Its pixels are not here.
            Err(Problem::not_found(format!(
                "Slide {code} has no such version."
            )))
        }
    }

    async fn open(
        &self,
        name: &Arc<str>,
        code: &str,
        version: &str,
    ) -> Result<Arc<Opened>, Problem> {
        let file = self.file_of(code, version).await?;
        // Opening a flat image decodes it; anything else is read only.
        let turns = match file.format.as_str() {
            "png" | "jpeg" => &self.decoders,
            _ => &self.readers,
        };
        let turn = self.readers.take(name).await?;
        let files = self.files.clone();
        let list = move || Found::list(&files, file);
        let mut found = self.in_turn(name, turn, list).await?;
        if found.is_to_be_hashed() {
            let known = self.found_changed.get(name);
            if known.is_some_and(|members| found.are(&members)) {
                return Err(changed(Unmade::Changed));
            }
            let turn = self.hashers.take(name).await?;
            // Hashed on when nobody waits for it any more: who comes back must not have it hashed beside that.
            self.opening.go_on(name);
            let hash = move || found.hash().map(|()| found);
            found = self.in_turn(name, turn, hash).await?;
            found.remember(&self.store).await?;
        }
        let turn = turns.take(name).await?;
        self.opening.go_on(name);
        let slide = self.in_turn(name, turn, || found.open()).await?;
        Ok(self.registry.opened(Arc::clone(name), slide))
    }

    /// Reads a slide's files off the async threads. The turn is held until that is done, whether or not anybody waits for it.
    async fn in_turn<T: Send + 'static>(
        &self,
        name: &Arc<str>,
        turn: Turn,
        read: impl FnOnce() -> Result<T, OpenError> + Send + 'static,
    ) -> Result<T, Problem> {
        let done = slide_file::off_thread(move || {
            let _turn = turn;
            read()
        });
        done.await.map_err(|error| self.not_opened(name, error))
    }

    /// What is told of a slide that was not opened.
    pub(super) fn not_opened(&self, name: &Arc<str>, error: OpenError) -> Problem {
        if error.is_of_the_file() {
            tracing::warn!(slide = %name, %error, "slide {name} could not be opened");
        }
        match error {
            OpenError::Changed { hashed } => {
                if let Some(members) = hashed {
                    let members = Arc::new(members);
                    self.found_changed.insert(Arc::clone(name), members);
                }
                changed(Unmade::Changed)
            }
            OpenError::Unread(_) | OpenError::Slide(_) => Problem::unusable(
                "The file of this slide cannot be read any more. Was it moved since it was imported?",
            ),
            OpenError::TooManyOpenFiles => {
                tracing::warn!("too many files are open: half of the open slides are closed");
                self.registry.make_room();
                too_many()
            }
            OpenError::Store(error) => error.into(),
            OpenError::Broken(error) => Problem::internal(&error),
        }
    }
}

/// What a slide's pictures go by.
pub(super) fn name(code: &str, version: &str) -> Arc<str> {
    format!("{code}/{version}").into()
}
