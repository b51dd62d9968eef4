/* The tables of offers and organizations: choosing from a long list, and no change that is lost unseen.
   Without this file the fields take a full name as it is typed, and the server finds it or tells near ones. */
(() => {
  const form = document.querySelector("form[data-table]");
  if (!form) return;
  const words = form.dataset;

  /* -- which rows were changed: the same text as the server makes of a row ---------------------------------------- */
  const field = (name, number) => form.elements.namedItem(`${name}-${number}`);
  const shows = (number) => {
    const mode = field("mode", number);
    return [field("name", number).value, ...(mode ? [mode.value] : []), field("sync", number).checked ? "on" : "off"].join("|");
  };
  const rows = [...form.querySelectorAll("input[name^='was-']")].map((was) => [was.name.slice(4), was]);
  const note = form.querySelector("[data-changed]");
  let changed = 0;
  const count = () => {
    changed = 0;
    for (const [number, was] of rows) {
      const differs = shows(number) !== was.value;
      was.closest("tr").classList.toggle("changed", differs);
      if (differs) changed += 1;
    }
    if (note) note.textContent = changed ? (changed === 1 ? words.one : words.many.replace("#", changed)) : "";
  };
  form.addEventListener("input", count);
  form.addEventListener("change", count);
  count();

  /* Leaving asks, but not when the form itself goes: every button of it sends what was typed along. */
  let leaves = false;
  form.addEventListener("submit", (event) => { if (!event.defaultPrevented) leaves = true; });
  window.addEventListener("pageshow", () => { leaves = false; count(); });
  window.addEventListener("beforeunload", (event) => {
    if (changed && !leaves) event.preventDefault();
  });

  /* -- ticking all rows of the page ------------------------------------------------------------------------------- */
  const all = form.querySelector("[data-pick-all]");
  if (all) {
    const picks = () => [...form.querySelectorAll("input[name='pick']")];
    all.hidden = false;
    all.addEventListener("change", () => picks().forEach((one) => { one.checked = all.checked; }));
    form.addEventListener("change", (event) => {
      if (event.target.name !== "pick") return;
      const ticked = picks().filter((one) => one.checked).length;
      all.checked = ticked === picks().length;
      all.indeterminate = ticked > 0 && !all.checked;
    });
  }

  /* -- choosing: a field becomes a list when somebody comes to it ------------------------------------------------- */
  if (!words.choices || !window.TomSelect) return;
  const line = (tag, text, escape) => `<div class="${tag}">${escape(text)}</div>`;
  const choose = (input) => {
    let says = words.none;
    let more = false;
    const list = new TomSelect(input, {
      maxItems: 1,
      delimiter: "\n", /* a name may hold a comma; a field holds no line break */
      valueField: "name",
      labelField: "name",
      searchField: ["name"],
      sortField: [{ field: "$order" }],
      maxOptions: 50,
      preload: "focus",
      loadThrottle: 200,
      create: (text) => ({ name: text }),
      createOnBlur: true, /* what was typed is kept, whatever it is; saving tells whether QuickBooks has it */
      persist: false,
      highlight: false,
      placeholder: input.placeholder,
      load(query, done) {
        fetch(`${words.choices}?q=${encodeURIComponent(query)}`, { headers: { Accept: "application/json" } })
          .then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status)))
          .then((found) => {
            this.clearOptions();
            says = words.none;
            more = found.more;
            done(found.choices);
          })
          .catch(() => { says = words.failed; done(); });
      },
      render: {
        option: (one, escape) => `<div><div>${escape(one.name)}</div>${one.detail ? line("small text-secondary", one.detail, escape) : ""}</div>`,
        item: (one, escape) => `<div>${escape(one.name)}</div>`,
        option_create: (typed, escape) => `<div class="create">${escape(words.typed)} <strong>${escape(typed.input)}</strong></div>`,
        no_results: (_typed, escape) => line("no-results", says, escape),
        loading: (_typed, escape) => line("no-results", words.loading, escape),
      },
      onDropdownOpen(dropdown) { dropdown.dataset.more = more ? words.more : ""; },
      onLoad() { this.dropdown.dataset.more = more ? words.more : ""; },
    });
    for (const name of ["aria-label", "aria-describedby"]) {
      if (input.hasAttribute(name)) list.control_input.setAttribute(name, input.getAttribute(name));
      input.removeAttribute(name);
    }
    input.type = "hidden"; /* it only carries the value now: nobody is told of two fields */
    list.focus();
  };
  form.addEventListener("focusin", (event) => {
    const input = event.target;
    if (input.name?.startsWith("name-") && !input.tomselect) choose(input);
  });
})();
