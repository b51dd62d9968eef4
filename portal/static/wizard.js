/* The panel that follows the first visit asks every two seconds. */
document.addEventListener("htmx:beforeSend", (event) => {
  event.detail.xhr.onabort = null; /* leaving the page while it asks is no error to report */
});
