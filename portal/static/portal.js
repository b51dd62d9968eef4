/* Small comforts; every page works without them. */
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  source.select();
  try {
    await navigator.clipboard.writeText(source.value);
    button.textContent = button.dataset.copied;
  } catch {
    source.focus(); /* it stays selected, to be copied by hand */
  }
});

for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;

/* A second click on a button that was sent does nothing. */
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "1";
  window.addEventListener("pageshow", () => delete event.target.dataset.sent, { once: true });
});
