// The page: asks the server, plays the answer.

import { csvOf, drawRanking, drawReason, drawTimeline, jsonOf, make, moveHead, percent, remarksOf, segmentsAt, verdict }
  from "/page/answer.js";
import { Viewer } from "/page/viewer.js";

const $ = (id) => document.getElementById(id);
const viewer = new Viewer($("view"));
const state = { source: null, answer: null, clip: null, person: 0, time: 0, playing: false, limits: {}, examples: [],
                edited: false, shown: null, token: sessionStorage.getItem("skelzero-token") };

// Asking

async function ask(path, options = {}) {
  for (;;) {
    const headers = state.token ? { Authorization: `Bearer ${state.token}` } : {};
    let response;
    try {
      response = await fetch(path, { ...options, headers });
    } catch {
      throw { what: "the server cannot be reached", next_step: "see whether it still runs, then try again" };
    }
    if (response.status === 401) {
      await askToken();
      continue;
    }
    const body = await response.json().catch(() => ({}));
    if (!response.ok) throw body.error ?? { what: `the server answered ${response.status}` };
    return body;
  }
}

async function askToken() {
  $("token-dialog").showModal();
  await new Promise((done) => $("token-dialog").addEventListener("close", done, { once: true }));
  state.token = $("token").value.trim();
  sessionStorage.setItem("skelzero-token", state.token);
  $("token").value = "";
}

const words = () => $("words").value.split(/[,\n]/).map((word) => word.trim()).filter(Boolean);

async function recognise() {
  const source = state.source;
  tell("");
  if (!source) return complain({ what: "Which recording?", next_step: "choose a file, or try an example" });
  if (!words().length) return complain({ what: "Which words?", next_step: "write one or more, one a line" });
  const most = state.limits.max_bytes ?? Infinity;
  if (source.file?.size > most) {
    return complain({ what: "the file is too large", got: `${megabytes(source.file.size)} MB`,
                      expected: `at most ${megabytes(most)} MB` });
  }
  const form = new FormData();
  if (source.file) form.append("file", source.file); else form.append("example", source.example);
  form.append("labels", words().join("\n"));
  form.append("model", $("model").value);
  form.append("format", $("format").value);
  form.append("explain", $("explain").checked);
  $("go").disabled = true;
  tell("Reading and recognising ...");
  try {
    show(await ask("/api/recognize?skeleton=1", { method: "POST", body: form }));
  } catch (error) {
    complain(error);
  } finally {
    $("go").disabled = false;
  }
}

const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

function tell(text) {
  $("status").textContent = text;
  $("error").hidden = true;
}

function complain(error) {
  tell("");
  const rows = [["where", error.where], ["got", error.got], ["expected", error.expected], ["what to do", error.next_step]];
  const list = rows.filter(([, value]) => value).flatMap(([name, value]) =>
    [make("dt", { textContent: name }), make("dd", { textContent: value })]);
  $("error").replaceChildren(make("strong", { textContent: error.what ?? String(error) }), make("dl", {}, ...list));
  $("error").hidden = false;
  $("error").scrollIntoView({ block: "nearest" });
}

// Showing

function show(answer) {
  state.answer = answer;
  $("empty").hidden = true;
  $("found").hidden = false;
  $("clips-field").hidden = answer.clips.length < 2;
  $("clips").replaceChildren(...answer.clips.map((clip, value) => make("option", { value, textContent: clip.clip })));
  showClip(answer.clips[0]);
  const said = answer.clips[0].segments.map(spoken);
  const more = said.length > 3 ? `; and ${said.length - 3} more` : "";
  tell(`Done: ${said.slice(0, 3).join("; ")}${more}.`);
  if (matchMedia("(max-width: 860px)").matches) $("found").scrollIntoView();
}

function spoken(segment) {
  const whose = state.clip.persons > 1 ? `person ${segment.person + 1}, ` : "";
  const share = segment.none_of_these ? "" : `, ${percent(segment.labels[0].probability)}`;
  return `${whose}${segment.start.toFixed(1)} to ${segment.end.toFixed(1)} s ${verdict(segment)}${share}`;
}

function showClip(clip) {
  pause();
  Object.assign(state, { clip, person: clip.segments[0]?.person ?? 0, shown: null });
  $("title").textContent = clip.clip;
  const rate = clip.fps ? `${Math.round(clip.fps)} frames a second` : "frame rate not known";
  const who = clip.persons === 1 ? "1 person" : `${clip.persons} people`;
  $("facts").textContent = [clip.synthetic ? "synthetic motion, no person was recorded" : "", `${clip.seconds.toFixed(1)} s`,
    rate, who, `joints: ${clip.layout}`].filter(Boolean).join(" · ");
  const remarks = remarksOf(clip);
  $("remarks").replaceChildren(...remarks.map((textContent) => make("li", { textContent })));
  $("remarks-card").hidden = !remarks.length;
  const explained = clip.segments.some((s) => s.reason);
  $("coloured").disabled = !explained;
  $("scrub").max = clip.seconds;
  viewer.show(clip.skeleton);
  drawTimeline($("timeline"), clip, (segment) => {
    state.person = segment.person;
    seek(segment.start);
  });
  seek(0);
}

function seek(time) {
  const { clip } = state;
  state.time = Math.max(0, Math.min(time, clip.seconds));
  $("scrub").value = state.time;
  $("scrub").setAttribute("aria-valuetext", `${state.time.toFixed(1)} seconds of ${clip.seconds.toFixed(1)}`);
  $("time").textContent = `${state.time.toFixed(1)} / ${clip.seconds.toFixed(1)} s`;
  const current = segmentsAt(clip, state.time), segment = current.get(state.person);
  moveHead($("timeline"), clip, state.time, current);
  const coloured = $("coloured").checked && clip.segments.some((s) => s.reason);
  const weights = [...current].filter(([, s]) => coloured && s.reason).map(([person, s]) => [person, s.reason.joints]);
  viewer.weights = new Map(weights);
  viewer.seek(state.time);
  if (segment && (segment !== state.shown || coloured !== state.coloured)) {
    Object.assign(state, { shown: segment, coloured });
    $("now").textContent = current.size > 1 ? `Person ${segment.person + 1}: ${verdict(segment)}` : verdict(segment);
    drawRanking($("ranking"), $("ranking-title"), $("none"), segment, current.size > 1);
    drawReason($("reason"), segment, $("explain").checked);
    drawLegend(coloured);
  }
}

function drawLegend(coloured) {
  const dot = (side) => {
    const mark = make("span", { className: "dot" });
    mark.style.background = `var(--${side})`;
    return make("span", {}, mark, side);
  };
  const scale = ["less", make("span", { className: "scale" }), "more reason"];
  $("legend").replaceChildren(...(coloured ? scale : ["left", "right", "middle"].map(dot)));
}

// Playing

function play() {
  if (!state.clip) return;
  if (state.time >= state.clip.seconds - 1e-3) seek(0);
  state.playing = true;
  $("play").textContent = "Pause";
  $("play").setAttribute("aria-pressed", "true");
  let before = performance.now();
  const step = (now) => {
    if (!state.playing) return;
    seek(state.time + (now - before) / 1000);
    before = now;
    if (state.time >= state.clip.seconds) pause(); else requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

function pause() {
  state.playing = false;
  $("play").textContent = "Play";
  $("play").setAttribute("aria-pressed", "false");
}

const toggle = () => state.playing ? pause() : play();

function save(text, kind, ending) {
  const url = URL.createObjectURL(new Blob([text], { type: kind }));
  const name = state.answer.file.replace(/\.[^.]*$/, "").replace(/[^\w.-]+/g, "_") || "answer";
  make("a", { href: url, download: `${name}.${ending}` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

// Listening

function take(file) {
  state.source = { file };
  $("chosen").textContent = file.name;
  tell("");
}

function takeExample(example) {
  state.source = { example: example.name };
  $("file").value = "";
  $("chosen").textContent = "Drop a file here, or choose one";
  if (!state.edited) $("words").value = example.labels.join("\n");
  count();
  recognise();
}

function count() {
  const n = words().length;
  $("count").textContent = `${n} ${n === 1 ? "word" : "words"}.`;
}

$("ask").addEventListener("submit", (event) => { event.preventDefault(); recognise(); });
$("file").addEventListener("change", () => { if ($("file").files.length) take($("file").files[0]); });
$("words").addEventListener("input", () => { state.edited = true; count(); });
$("words").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) recognise();
});
$("play").addEventListener("click", toggle);
$("view").addEventListener("keydown", (event) => {
  if (event.key !== " ") return;
  event.preventDefault();
  toggle();
});
$("scrub").addEventListener("input", () => { pause(); seek(Number($("scrub").value)); });
$("coloured").addEventListener("change", () => seek(state.time));
$("clips").addEventListener("change", () => showClip(state.answer.clips[$("clips").value]));
$("json").addEventListener("click", () => save(jsonOf(state.answer), "application/json", "json"));
$("csv").addEventListener("click", () => save(csvOf(state.answer), "text/csv", "csv"));
for (const kind of ["dragover", "dragleave", "drop"]) {
  addEventListener(kind, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
  });
}
count();

try {
  const { models, examples, formats, limits } = await ask("/api/models");
  state.limits = limits;
  $("model").replaceChildren(...models.map(({ name, method, trained_on }) =>
    make("option", { value: name, textContent: `${name} (${method}, trained on ${trained_on})` })));
  $("format").append(...formats.map(({ name, title }) => make("option", { value: name, textContent: title })));
  $("examples").replaceChildren(...examples.map((example) => {
    const button = make("button", { type: "button", textContent: example.name, title: example.performed.join(", ") });
    button.addEventListener("click", () => takeExample(example));
    return button;
  }));
} catch (error) {
  complain(error);
}
