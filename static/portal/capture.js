// Choosing, previewing and taking pictures. Without this script the file field still takes and sends files.
"use strict";

const ENOUGH_PHOTOS = 3;
const CLIP_MS = 4000;
const PHOTO_TYPE = "image/jpeg";

class Picker {
  constructor(root) {
    this.root = root;
    this.input = root.querySelector('input[type="file"]');
    this.files = [];
    this.input.addEventListener("change", () => this.add([...this.input.files]));
    const drop = root.querySelector(".drop");
    for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, () => drop.classList.add("is-over"));
    for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("is-over"));
    if (this.input.files.length) this.add([...this.input.files]);
    if (navigator.mediaDevices?.getUserMedia) new Camera(root, (file) => this.add([file]));
  }

  // The browser replaces the choice each time; people expect the second to join the first.
  add(files) {
    const known = new Set(this.files.map(signature));
    this.files.push(...files.filter((file) => !known.has(signature(file))));
    this.show();
  }

  remove(file) {
    this.files = this.files.filter((one) => one !== file);
    this.show();
  }

  show() {
    const bag = new DataTransfer();
    for (const file of this.files) bag.items.add(file);
    this.input.files = bag.files;
    const list = this.root.querySelector("[data-chosen]");
    for (const shown of list.querySelectorAll("[src]")) URL.revokeObjectURL(shown.src);
    list.replaceChildren(...this.files.map((file) => this.item(file)));
    this.root.querySelector("[data-count]").textContent = this.advice();
  }

  advice() {
    const clips = this.files.filter((file) => file.type.startsWith("video/")).length;
    const photos = this.files.length - clips;
    const missing = ENOUGH_PHOTOS - photos;
    const said = [counted(photos, "photo"), clips ? counted(clips, "clip") : ""].filter(Boolean).join(", ");
    if (!this.files.length) return "At least three good photos are recommended.";
    return clips || missing <= 0 ? `${said} chosen.` : `${said} chosen; ${counted(missing, "more")} recommended.`;
  }

  item(file) {
    const item = document.createElement("li");
    const name = document.createElement("span");
    name.textContent = name.title = file.name;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "×";
    button.setAttribute("aria-label", `Remove ${file.name}`);
    button.addEventListener("click", () => this.remove(file));
    item.append(preview(file), name, button);
    return item;
  }
}

class Camera {
  constructor(root, take) {
    this.take = take;
    this.taken = 0;
    this.find = (name) => root.querySelector(`[data-camera-${name}]`);
    this.panel = root.querySelector("[data-camera]");
    this.find("start").hidden = false;
    this.find("open").addEventListener("click", () => this.open());
    this.find("close").addEventListener("click", () => this.close());
    this.find("photo").addEventListener("click", () => this.photo());
    this.find("record").addEventListener("click", () => this.record());
    this.find("record").hidden = !window.MediaRecorder;
  }

  async open() {
    try {
      const wanted = { width: { ideal: 1280 }, height: { ideal: 960 }, facingMode: "user" };
      this.stream = await navigator.mediaDevices.getUserMedia({ video: wanted });
    } catch {
      this.panel.hidden = false;
      this.find("view").hidden = true;
      this.say("The camera could not be opened. Allow it in the browser, or choose files instead.");
      return;
    }
    this.find("view").hidden = false;
    this.find("view").srcObject = this.stream;
    this.panel.hidden = false;
    this.find("start").hidden = true;
    this.say("Look straight at the camera.");
    this.find("photo").focus();
  }

  close() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = undefined;
    this.panel.hidden = true;
    this.find("start").hidden = false;
  }

  photo() {
    const view = this.find("view");
    if (!this.stream || !view.videoWidth) return;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [view.videoWidth, view.videoHeight];
    canvas.getContext("2d").drawImage(view, 0, 0);
    canvas.toBlob((blob) => this.keep(blob, "photo", "jpg"), PHOTO_TYPE, 0.95);
  }

  record() {
    if (!this.stream) return;
    const type = ["video/webm;codecs=vp9", "video/webm", "video/mp4"].find((one) => MediaRecorder.isTypeSupported(one));
    const recorder = new MediaRecorder(this.stream, { mimeType: type, videoBitsPerSecond: 4_000_000 });
    const parts = [];
    recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
    recorder.addEventListener("stop", () => {
      this.find("record").disabled = false;
      this.keep(new Blob(parts, { type: type.split(";")[0] }), "clip", type.includes("mp4") ? "mp4" : "webm");
    });
    this.find("record").disabled = true;
    this.say("Recording. Turn your head a little from side to side.");
    recorder.start();
    setTimeout(() => recorder.stop(), CLIP_MS);
  }

  keep(blob, kind, extension) {
    this.taken += 1;
    this.take(new File([blob], `camera-${kind}-${this.taken}.${extension}`, { type: blob.type }));
    this.say(kind === "photo" ? "Taken. Move a little and take another." : "Recorded.");
  }

  say(words) {
    this.find("word").textContent = words;
  }
}

function signature(file) {
  return `${file.name}/${file.size}/${file.lastModified}`;
}

function counted(number, noun) {
  return noun === "more" ? `${number} more` : `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function preview(file) {
  const kind = file.type.startsWith("video/") ? "video" : "img";
  const shown = document.createElement(kind);
  shown.src = URL.createObjectURL(file);
  if (kind === "img") shown.alt = "";
  if (kind === "video") shown.muted = true;
  shown.addEventListener("error", () => {
    const sign = document.createElement("div");
    sign.className = "file-sign";
    sign.textContent = file.name.split(".").pop().slice(0, 5);
    shown.replaceWith(sign);
  });
  return shown;
}

const started = new WeakSet();

function start() {
  for (const root of document.querySelectorAll("[data-picker]")) {
    if (!started.has(root)) new Picker(root);
    started.add(root);
  }
  document.querySelector("[data-focus]")?.focus();
}

function sending(event, share) {
  const bar = event.target.querySelector?.("[data-sending]");
  if (!bar) return;
  bar.hidden = share === null;
  if (share !== null) bar.value = Math.round(100 * share);
}

document.addEventListener("DOMContentLoaded", start);
document.addEventListener("htmx:afterSettle", start);
document.addEventListener("htmx:xhr:progress", (event) => {
  if (event.detail.lengthComputable && event.detail.total) sending(event, event.detail.loaded / event.detail.total);
});
document.addEventListener("htmx:afterRequest", (event) => sending(event, null));
