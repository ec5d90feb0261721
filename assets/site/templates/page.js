"use strict";

// The theme that was chosen last, before anything is drawn; where nothing may be stored, the system's.
const KEPT = "tidegauge-theme";
const root = document.documentElement;
const theme = () => root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
const kept = (use) => {
  try {
    return use(window.localStorage);
  } catch {
    return null;
  }
};
const chosen = kept((storage) => storage.getItem(KEPT));
if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;

function themeButton() {
  const button = document.getElementById("theme");
  const name = () => { button.textContent = theme() === "dark" ? "Light theme" : "Dark theme"; };
  button.addEventListener("click", () => {
    root.dataset.theme = theme() === "dark" ? "light" : "dark";
    kept((storage) => storage.setItem(KEPT, root.dataset.theme));
    name();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
  name();
  button.hidden = false;
}

// How many sessions are over by the reader's clock since the publication: what was written cannot know it.
function tellAge() {
  const line = document.querySelector(".late");
  if (!line) return; // a simulated market is never late
  const ends = line.dataset.ends.split(" ");
  const missed = ends.filter((hour) => hour * 3_600_000 <= Date.now()).length;
  const sessions = missed === 1 ? "1 session has" : `${missed} sessions${missed === ends.length ? " or more" : ""} have`;
  line.textContent = `This page speaks of ${line.dataset.asOf}; ${sessions} ended since then.`;
  line.classList.toggle("alarming", missed >= Number(line.dataset.alarms));
  line.hidden = missed === 0;
}

// A table's cells as they were published: what is read has been rounded.
const columns = (table) => [...table.tHead.rows[0].cells].map((head) => ({
  name: head.dataset.column.split(".")[1],
  kind: head.dataset.kind,
}));
const published = (cell) => cell.dataset.value ?? cell.dataset.name ?? cell.textContent;

// A day is drawn as that day, wherever the reader is.
const read = {
  number: (text) => (text === "" ? null : Number(text)),
  date: (text) => (text === "" ? null : new Date(`${text}T00:00`)),
  text: (text) => (text === "" ? null : text),
};

function rows(table) {
  const heads = columns(table);
  return [...table.tBodies[0].rows].map((row) => Object.fromEntries(
    heads.map((head, n) => [head.name, read[head.kind](published(row.cells[n]))]),
  ));
}

async function draw(place) {
  const specification = JSON.parse(place.nextElementSibling.textContent);
  specification.datasets.table = rows(document.getElementById(place.dataset.table));
  await window.vegaEmbed(place, specification, {
    actions: false,
    ast: true, // expressions are interpreted: the page allows no code that is made of text
    defaultStyle: false,
    renderer: "svg",
    tooltip: { disableDefaultStyle: true },
  });
  place.querySelector("svg").setAttribute("aria-hidden", "true"); // the figure is told in words
  place.classList.add("drawn");
}

function csv(table) {
  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = [columns(table).map((head) => head.name)];
  for (const row of table.tBodies[0].rows) lines.push([...row.cells].map(published));
  return lines.map((line) => line.map(quoted).join(",") + "\r\n").join("");
}

function downloadButton(button) {
  button.addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = `data:text/csv;charset=utf-8,${encodeURIComponent(csv(document.getElementById(button.dataset.table)))}`;
    link.download = `${button.dataset.table.replace(/-table$/, "")}.csv`;
    link.click();
  });
  button.hidden = false;
}

// A link to a claim opens it.
function openTarget() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) target.open = true;
}

document.addEventListener("DOMContentLoaded", async () => {
  themeButton();
  tellAge();
  setInterval(tellAge, 60_000); // a page may stay open overnight
  document.querySelectorAll("button.download").forEach(downloadButton);
  window.addEventListener("hashchange", openTarget);
  openTarget();
  for (const place of document.querySelectorAll(".chart")) {
    try {
      await draw(place);
    } catch (error) {
      console.error(`the chart ${place.dataset.table} could not be drawn`, error);
      place.textContent = "The chart could not be drawn; its table is below.";
    }
  }
});
