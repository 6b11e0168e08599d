// The web chat's page: shows the conversation, sends what the contact writes, and loses nothing on a bad line.
// What was not sent yet is kept in sessionStorage until the server has it; "close and hide" clears it.

const { words, phones } = JSON.parse(document.getElementById("page-data").textContent);
const list = document.getElementById("messages");
const field = document.getElementById("text");
const statusLine = document.getElementById("status");
const newest = document.getElementById("newest");

const UNSENT = "unsent";
const RETRY_FIRST_MS = 500;
const RETRY_LONGEST_MS = 15000;
const TYPING_LONGEST_MS = 8000;
const TEXT_MAX = 20000;
const REFUSED_FOR_GOOD = [400, 401, 413, 415];
const VOICE_TYPES = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];

let language = document.documentElement.lang;
let lastSeq = 0;
let sending = false;
let source;
const unsent = JSON.parse(sessionStorage.getItem(UNSENT) ?? "[]");
const shown = new Map(); // seq -> element
const own = new Map(); // id of a message not echoed yet -> its element

const say = (key) => words[language][key];

// A file can not be kept over a reload: the page asks before it leaves one behind.
function keep() {
    sessionStorage.setItem(UNSENT, JSON.stringify(unsent.filter((item) => !item.file)));
}

function element(tag, className, text = "") {
    const made = document.createElement(tag);
    made.className = className;
    made.textContent = text;
    return made;
}

// A phone number in a message can be called by tapping it.
const phonePattern = phones.length
    ? new RegExp(`(?<![0-9])(${phones.map((phone) => phone.replace(/[^0-9 ]/g, "")).join("|")})(?![0-9])`, "g")
    : null;

function fillBubble(bubble, text) {
    const parts = phonePattern ? text.split(phonePattern) : [text];
    for (const [index, part] of parts.entries()) {
        if (index % 2) {
            const link = element("a", "", part);
            link.href = `tel:${part.replaceAll(" ", "")}`;
            bubble.append(link);
        } else {
            bubble.append(part);
        }
    }
}

function isAtEnd() {
    return list.scrollHeight - list.scrollTop - list.clientHeight < 80;
}

function scrollToEnd() {
    list.scrollTop = list.scrollHeight;
    newest.hidden = true;
}

function put(message) {
    const stay = !isAtEnd();
    list.append(message);
    if (stay && !message.classList.contains("contact")) {
        newest.hidden = false;
    } else {
        scrollToEnd();
    }
}

const typing = element("div", "message typing");
typing.append(element("div", "bubble", "•••"));
typing.setAttribute("aria-hidden", "true");
let typingTimer;

function showTyping(on) {
    clearTimeout(typingTimer);
    if (on) {
        list.append(typing);
        scrollToEnd();
        typingTimer = setTimeout(() => typing.remove(), TYPING_LONGEST_MS);
    } else {
        typing.remove();
    }
}

function setLanguage(next) {
    if (next === language || !words[next]) return;
    language = next;
    document.documentElement.lang = next;
    document.title = say("app_title");
    for (const part of document.querySelectorAll("[data-words]")) part.textContent = say(part.dataset.words);
    field.placeholder = say("placeholder");
    field.setAttribute("aria-label", say("placeholder"));
    for (const part of document.querySelectorAll("[data-label]")) {
        part.title = say(part.dataset.label);
        part.setAttribute("aria-label", part.title);
    }
}

function setNote(message, key, onRetry) {
    message.querySelector(".note")?.remove();
    message.classList.toggle("failed", Boolean(onRetry));
    if (!key) return;
    const note = element("div", "note", `${say(key)} `);
    if (onRetry) {
        const again = element("button", "", say("retry"));
        again.type = "button";
        again.addEventListener("click", onRetry);
        note.append(again);
    }
    message.append(note);
}

function showOwn(item) {
    const message = element("article", "message contact");
    const bubble = element("div", "bubble");
    if (item.kind) bubble.append(fileLine(item.kind));
    else bubble.textContent = item.text ?? item.title;
    message.append(bubble);
    own.set(item.id, message);
    put(message);
    setNote(message, "sending");
    return message;
}

function fileLine(kind, id) {
    const line = element(id ? "a" : "span", `file ${kind}`, say(`media_${kind}`) ?? say("media_document"));
    if (id) {
        line.href = `/chat/api/media/${id}`;
        line.download = "";
    }
    return line;
}

function show(message) {
    if (message.seq > lastSeq) lastSeq = message.seq;
    if (shown.has(message.seq)) return;
    if (message.author === "contact") {
        showEcho(message);
        return;
    }
    showTyping(false);
    setLanguage(message.lang);
    const made = element("article", `message ${message.author}`);
    made.lang = message.lang;
    const bubble = element("div", "bubble");
    fillBubble(bubble, message.text);
    made.append(bubble);
    if (message.buttons.length) made.append(buttonsOf(message));
    shown.set(message.seq, made);
    put(made);
}

// Our own message comes back by the stream: it replaces the one that this page showed while it was under way.
function showEcho(message) {
    const isSame = (item) => (item.kind ? item.kind === message.media?.kind : (item.text ?? item.title) === message.text);
    const waiting = unsent.find((item) => !item.seq && isSame(item));
    if (waiting && own.has(waiting.id)) {
        waiting.seq = message.seq;
        shown.set(message.seq, own.get(waiting.id));
        return;
    }
    if (!message.text) return;
    const made = element("article", "message contact");
    const bubble = element("div", "bubble", message.media ? "" : message.text);
    if (message.media) bubble.append(fileLine(message.media.kind, message.media.id));
    made.append(bubble);
    shown.set(message.seq, made);
    put(made);
}

function buttonsOf(message) {
    const row = element("div", "buttons");
    for (const { id, title } of message.buttons) {
        const button = element("button", "", title);
        button.type = "button";
        button.addEventListener("click", () => post({ button: id, title }));
        row.append(button);
    }
    return row;
}

function post(content) {
    const item = { id: crypto.randomUUID?.() ?? randomId(), ...content };
    unsent.push(item);
    keep();
    showOwn(item);
    send();
}

// crypto.randomUUID is missing where the page is not served over https.
function randomId() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function send() {
    if (sending) return;
    sending = true;
    let wait = RETRY_FIRST_MS;
    for (let item; (item = unsent.find((candidate) => !candidate.failed)); ) {
        const answer = await tryToSend(item);
        if (answer === "sent" || answer === "refused") {
            wait = RETRY_FIRST_MS;
            continue;
        }
        setNote(own.get(item.id), "not_sent", () => send());
        await pause(answer.retryAfterMs ?? wait);
        wait = Math.min(wait * 2, RETRY_LONGEST_MS);
    }
    sending = false;
}

async function tryToSend({ id, text, button, kind, file }) {
    let response;
    try {
        response = file
            ? await fetch(`/chat/api/media?id=${id}&kind=${kind}`, {
                  method: "POST",
                  headers: { "Content-Type": "application/octet-stream" },
                  body: file,
              })
            : await fetch("/chat/api/messages", {
                  method: "POST",
                  headers: { "Content-Type": "application/json" },
                  body: JSON.stringify(button ? { id, button } : { id, text }),
              });
    } catch {
        return {};
    }
    if (response.ok) return accepted(id, (await response.json()).seq);
    if (REFUSED_FOR_GOOD.includes(response.status)) return refused(id, response.status);
    return { retryAfterMs: Number(response.headers.get("Retry-After") ?? 0) * 1000 || undefined };
}

function accepted(id, seq) {
    unsent.splice(unsent.findIndex((candidate) => candidate.id === id), 1);
    keep();
    const message = own.get(id);
    own.delete(id);
    if (shown.has(seq) && shown.get(seq) !== message) {
        message.remove();
    } else {
        shown.set(seq, message);
        setNote(message, null);
        if (lastSeq <= seq) showTyping(true);
    }
    return "sent";
}

function refused(id, status) {
    const item = unsent.find((candidate) => candidate.id === id);
    item.failed = true;
    keep();
    const again = () => {
        if (status === 401) {
            location.reload();
            return;
        }
        delete item.failed;
        send();
    };
    if (item.kind) setNote(own.get(id), "media_refused", status === 401 ? again : null);
    else setNote(own.get(id), status === 413 ? "too_long" : "not_sent", again);
    return "refused";
}

// What was hidden leaves the page at once, also on other pages of the same contact.
function hide(through) {
    for (const [seq, message] of shown) {
        if (seq <= through) message.remove();
    }
}

function follow() {
    source = new EventSource(`/chat/api/events?after=${lastSeq}`);
    source.addEventListener("open", () => {
        statusLine.dataset.words = "app_subtitle";
        statusLine.textContent = say("app_subtitle");
    });
    source.addEventListener("message", (event) => show(JSON.parse(event.data)));
    source.addEventListener("hidden", (event) => hide(Number(event.data)));
    source.addEventListener("error", () => {
        statusLine.dataset.words = "reconnecting";
        statusLine.textContent = say("reconnecting");
        if (source.readyState === EventSource.CLOSED) setTimeout(follow, RETRY_FIRST_MS * 4);
    });
}

async function closeAndHide() {
    source?.close();
    sessionStorage.clear();
    list.replaceChildren();
    try {
        await fetch("/chat/close", { method: "POST", keepalive: true });
    } finally {
        location.replace("/chat/closed");
    }
}

function grow() {
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`;
}

document.getElementById("compose").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = field.value;
    if (!text) return;
    if ([...text].length > TEXT_MAX) {
        statusLine.textContent = say("too_long");
        return;
    }
    field.value = "";
    grow();
    field.focus();
    post({ text });
});
field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        document.getElementById("compose").requestSubmit();
    }
});
field.addEventListener("input", grow);
newest.addEventListener("click", scrollToEnd);
list.addEventListener("scroll", () => {
    if (isAtEnd()) newest.hidden = true;
});
document.getElementById("close").addEventListener("click", closeAndHide);

const photoFile = document.getElementById("photo-file");
document.getElementById("photo").addEventListener("click", () => photoFile.click());
photoFile.addEventListener("change", () => {
    for (const file of photoFile.files) post({ kind: "photo", file });
    photoFile.value = "";
});

const voice = document.getElementById("voice");
const voiceType = VOICE_TYPES.find((type) => window.MediaRecorder?.isTypeSupported(type));
let recorder;
voice.hidden = !(voiceType && navigator.mediaDevices);
voice.addEventListener("click", async () => {
    if (recorder) {
        recorder.stop();
        return;
    }
    let stream;
    try {
        stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch {
        statusLine.textContent = say("no_microphone");
        return;
    }
    const parts = [];
    recorder = new MediaRecorder(stream, { mimeType: voiceType, audioBitsPerSecond: 24000 });
    recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
    recorder.addEventListener("stop", () => {
        for (const track of stream.getTracks()) track.stop();
        recorder = undefined;
        voice.classList.remove("recording");
        statusLine.textContent = say("app_subtitle");
        if (parts.length) post({ kind: "voice", file: new Blob(parts, { type: voiceType }) });
    });
    recorder.start();
    voice.classList.add("recording");
    statusLine.textContent = say("recording");
});
window.addEventListener("beforeunload", (event) => {
    if (recorder || unsent.some((item) => item.file && !item.failed)) event.preventDefault();
});
window.addEventListener("online", send);
window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
});

for (const item of unsent) {
    delete item.failed;
    showOwn(item);
}
follow();
send();
