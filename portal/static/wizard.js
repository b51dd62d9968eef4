/* The panel that follows the first visit asks every two seconds. */
document.addEventListener("htmx:beforeSend", (event) => {
  event.detail.xhr.onabort = null; /* leaving the page while it asks is no error to report */
});

/* When the log-in has ended meanwhile, go there instead of drawing it into the panel. */
document.addEventListener("htmx:beforeSwap", (event) => {
  const { pathname } = new URL(event.detail.xhr.responseURL || location.href, location.href);
  if (pathname.endsWith("/setup/visit")) return;
  event.detail.shouldSwap = false;
  location.reload();
});
