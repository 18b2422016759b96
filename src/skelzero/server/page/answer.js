// The answer in words and boxes: timeline, ranked labels, reason, remarks, tables to keep.

const HUES = [210, 20, 150, 280, 45, 330, 180, 95, 250, 0];

export const percent = (share) => `${share > 0 && share < 0.01 ? "<1" : Math.round(100 * share)} %`;
export const verdict = (segment) => segment.none_of_these ? "none of these" : segment.labels[0].label;

/** An element with properties and children; text is never read as markup. */
export function make(tag, properties = {}, ...children) {
  const { dataset, ...others } = properties;
  const made = Object.assign(document.createElement(tag), others);
  Object.assign(made.dataset, dataset ?? {});
  made.append(...children);
  return made;
}

/** For each person the segment at a time. */
export function segmentsAt(clip, time) {
  const found = new Map();
  for (const segment of clip.segments) {
    if (segment.start <= time + 1e-3 || !found.has(segment.person)) found.set(segment.person, segment);
  }
  return found;
}

export function drawTimeline(holder, clip, choose) {
  const people = [...new Set(clip.segments.map((s) => s.person))];
  const labels = [...new Set(clip.segments.map((s) => s.labels[0].label))];
  holder.replaceChildren(...people.flatMap((person) => {
    const lane = make("div", { className: "lane" });
    for (const segment of clip.segments.filter((s) => s.person === person)) {
      const name = verdict(segment), share = percent(segment.labels[0].probability);
      const button = make("button", { type: "button", textContent: name, title: `${name}, ${share}` });
      const whose = people.length > 1 ? `person ${person + 1}, ` : "";
      const about = segment.none_of_these ? name : `${name}, ${share}`;
      button.setAttribute("aria-label", `${whose}${segment.start.toFixed(1)} to ${segment.end.toFixed(1)} s: ${about}`);
      button.style.left = `${100 * segment.start / clip.seconds}%`;
      button.style.width = `${100 * (segment.end - segment.start) / clip.seconds}%`;
      const hue = HUES[labels.indexOf(segment.labels[0].label) % HUES.length];
      if (segment.none_of_these) button.className = "none"; else button.style.background = `hsl(${hue} 55% 38%)`;
      button.addEventListener("click", () => choose(segment));
      segment.button = button;
      lane.append(button);
    }
    lane.append(make("div", { className: "head" }));
    return people.length > 1 ? [make("p", { className: "person", textContent: `Person ${person + 1}` }), lane] : [lane];
  }));
}

export function moveHead(holder, clip, time, current) {
  for (const head of holder.querySelectorAll(".head")) head.style.left = `${100 * Math.min(1, time / clip.seconds)}%`;
  const now = new Set(current.values());
  for (const segment of clip.segments) segment.button.setAttribute("aria-current", String(now.has(segment)));
}

export function drawRanking(list, title, remark, segment, several) {
  const whose = several ? `, person ${segment.person + 1}` : "";
  title.textContent = `Labels, ${segment.start.toFixed(1)}-${segment.end.toFixed(1)} s${whose}`;
  list.replaceChildren(...segment.labels.map(({ label, probability }) => {
    const bar = make("span", { className: "bar" });
    bar.style.width = `${100 * probability}%`;
    return make("li", {}, bar, make("span", { textContent: label }),
                make("span", { className: "share", textContent: percent(probability) }));
  }));
  remark.hidden = !segment.none_of_these;
}

export function drawReason(holder, segment, asked) {
  const reason = segment.reason;
  if (!reason) {
    const text = asked ? "This server does not say why." : "Tick “Say why” under Options and recognise again.";
    holder.replaceChildren(make("p", { className: "verdict", textContent: text }));
    return;
  }
  const about = `What spoke most for “${reason.label ?? segment.labels[0].label}”:`;
  const heavy = (list) => [...list].sort((a, b) => b.weight - a.weight).filter((one) => one.weight > 0.05);
  const groups = [
    ["Parts of the body", heavy(reason.parts).slice(0, 5).map((p) => [p.part, p.weight, ""])],
    ["Moments", heavy(reason.moments).slice(0, 3).map((m) => [`${m.start.toFixed(1)}-${m.end.toFixed(1)} s`, m.weight, ""])],
    ["How it moved", heavy(reason.attributes).slice(0, 5).map((a) => [a.says, a.weight,
      `measured ${a.measured.toFixed(2)}, described ${a.described.toFixed(2)}`])],
  ].filter(([, lines]) => lines.length);
  const parts = groups.flatMap(([title, lines]) => [
    make("h3", { textContent: title }), make("ul", { className: "weights" }, ...lines.map((line) => weighed(line, lines[0][1])))]);
  const none = "No single part or moment decided.";
  holder.replaceChildren(make("p", { textContent: groups.length ? about : none }), ...parts);
}

/** A line of the reason with its weight as a bar, relative to the strongest of its kind. */
function weighed([text, weight, more], strongest) {
  const bar = make("span", { className: "bar", title: `weight ${weight.toFixed(2)}` });
  bar.style.width = `${100 * weight / strongest}%`;
  const said = make("span", { textContent: text });
  if (more) said.append(make("span", { className: "more", textContent: more }));
  return make("li", {}, said, make("span", { className: "track" }, bar));
}

export function remarksOf(clip) {
  const known = Object.entries(clip.understood).map(([word, where]) => `${word} (${where})`).join(", ");
  return [...clip.notes, ...(known ? [`Taken from described lists of movements: ${known}.`] : [])];
}

/** One line a segment and label. */
export function csvOf(answer) {
  const quote = (value) => /[",\n\r]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value);
  const lines = ["file,clip,person,start,end,answer,none_of_these,rank,label,probability"];
  for (const clip of answer.clips) {
    for (const s of clip.segments) {
      s.labels.forEach((ranked, rank) => lines.push([answer.file, clip.clip, s.person, s.start, s.end, verdict(s),
        s.none_of_these, rank + 1, ranked.label, ranked.probability].map(quote).join(",")));
    }
  }
  return lines.join("\r\n") + "\r\n";
}

/** The answer as the server gave it, without what is only for drawing. */
export function jsonOf(answer) {
  return JSON.stringify(answer, (key, value) => key === "skeleton" || key === "button" ? undefined : value, 2);
}
