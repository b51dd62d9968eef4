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

/* A second click on a button that was sent does nothing: for some seconds, since the page may stay where it is. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "1";
  const open = () => delete form.dataset.sent;
  if (!event.submitter?.dataset.busy) setTimeout(open, 5000);
  window.addEventListener("pageshow", open, { once: true });
});

/* What takes a while says so and for how long. After two minutes the button can be used again: nothing is endless. */
document.addEventListener("submit", (event) => {
  const [form, button] = [event.target, event.submitter];
  if (event.defaultPrevented || !button?.dataset.busy) return;
  const [text, began] = [button.textContent, Date.now()];
  const restore = () => {
    clearInterval(timer);
    button.textContent = text;
    delete form.dataset.sent;
  };
  const tell = () => {
    const seconds = Math.round((Date.now() - began) / 1000);
    if (seconds >= 120) restore();
    else button.textContent = `${button.dataset.busy} ${seconds} s`;
  };
  const timer = setInterval(tell, 1000);
  button.textContent = button.dataset.busy;
  window.addEventListener("pageshow", restore, { once: true });
});

/* While a page stays open, its notices are asked for again: the browser's title counts them too. */
document.addEventListener("htmx:afterSettle", () => {
  const count = document.querySelector("[data-open-notices]")?.dataset.openNotices;
  if (count === undefined) return;
  const title = document.title.replace(/^\(\d+\) /, "");
  document.title = Number(count) ? `(${count}) ${title}` : title;
});
