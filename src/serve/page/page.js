// The page of sbi serve: sends files, asks how far they are, shows what came of them. Text from outside becomes text of
// the page (textContent), never markup.
'use strict';

const element = id => document.getElementById(id);
const list = element('jobs');
const zone = element('drop');
const input = element('files');

/** Rows by the job's id, once the server has given it one. */
const rows = new Map();
/** Rows whose files are not sent yet. */
const waiting = [];
/** Ids of jobs that were stopped here, of which an answer may still tell. */
const stopped = new Set();
/** Files that are sent at the same time. */
const SENDERS = 2;
let sending = 0;
let paused = false;
let limits = { max_bytes: Infinity };

function size(bytes) {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB'];
  let at = 0;
  for (; bytes >= 1000 && at < units.length - 1; at++) bytes /= 1000;
  return `${at && bytes < 10 ? bytes.toFixed(1) : Math.round(bytes)} ${units[at]}`;
}

function make(tag, parts, text) {
  const made = document.createElement(tag);
  Object.assign(made, parts);
  if (text !== undefined) made.textContent = text;
  return made;
}

/** Tells those who do not see the page. Several pieces of news that come at once are told together. */
let news = [];
function announce(text) {
  if (!news.length) setTimeout(() => { element('news').textContent = news.join('. '); news = []; }, 300);
  news.push(text);
}

function trouble(text) {
  const place = element('trouble');
  if (place.textContent !== text) place.textContent = text;
  place.hidden = !text;
}

/** A row of the list, for a file of this page or a job of the server. */
class Row {
  constructor(name, bytes) {
    this.name = name;
    this.shown = '';
    this.item = make('li');
    const head = make('div', { className: 'head' });
    head.append(make('bdi', { className: 'name' }, name), make('span', { className: 'size' }, size(bytes)));
    this.state = make('p', { className: 'state' });
    this.bar = make('progress', { hidden: true });
    this.bar.setAttribute('aria-label', `Progress of ${name}`);
    this.reasons = make('ul', { className: 'reasons', hidden: true });
    this.actions = make('div', { className: 'actions' });
    this.item.append(head, this.state, this.bar, this.reasons, this.actions);
    list.append(this.item);
    count();
  }

  /** Shows a state in words, and how far it is: of 1, or null where nobody knows; undefined where nothing goes on. */
  tell(text, share) {
    if (this.state.textContent !== text) this.state.textContent = text;
    this.bar.hidden = share === undefined;
    if (share === null) this.bar.removeAttribute('value');
    else if (share !== undefined) this.bar.value = share;
  }

  /** Changes the buttons, unless they are there already: the focus stays where it is. */
  offer(kind, ...actions) {
    if (this.offered === kind) return;
    const had = this.actions.contains(document.activeElement);
    this.offered = kind;
    this.actions.replaceChildren(...actions);
    if (had) actions[0]?.focus();
  }

  button(text, act) {
    const made = make('button', { type: 'button', onclick: act }, text);
    made.setAttribute('aria-label', `${text} ${this.name}`);
    return made;
  }

  link(text, href, parts) {
    const made = make('a', { className: 'button', href, ...parts }, text);
    made.setAttribute('aria-label', `${text} of ${this.name}`);
    return made;
  }

  /** It ended without a result. */
  end(text) {
    this.over = true;
    this.tell(text);
    this.offer('over', this.button('Remove', () => this.remove()));
    announce(`${this.name}: ${text}`);
    count();
  }

  remove() {
    // Whoever works with the keyboard goes on at the next row.
    const next = this.item.nextElementSibling ?? this.item.previousElementSibling;
    if (this.item.contains(document.activeElement)) (next?.querySelector('button, a') ?? input).focus();
    this.item.remove();
    count();
  }

  async stop() {
    const { id, over } = this;
    if (!id) {
      const at = waiting.indexOf(this);
      if (at >= 0) waiting.splice(at, 1);
      this.request?.abort();
      return this.end('Stopped');
    }
    rows.delete(id);
    stopped.add(id);
    if (over) this.remove();
    else this.end('Stopped');
    await fetch(`/jobs/${id}`, { method: 'DELETE' }).catch(() => {});
  }

  /** Shows what the server says of the job. */
  show(job) {
    const told = JSON.stringify(job);
    if (told === this.shown) return;
    this.shown = told;
    if (job.state === 'queued') {
      this.tell(job.ahead ? `Waiting: ${job.ahead} ${job.ahead === 1 ? 'file' : 'files'} before it` : 'Next in line');
    } else if (job.state === 'running') {
      const { done, total } = job.frames;
      this.tell(total ? `Checking: ${done} of ${total} frames` : 'Opening', total ? done / total : null);
    }
    if (job.state === 'queued' || job.state === 'running') {
      return this.offer('stop', this.button('Stop', () => this.stop()));
    }
    if (this.over) return;
    this.over = true;
    if (job.state === 'failed') {
      this.tell(job.error);
      this.offer('failed', this.button('Remove', () => this.stop()));
      announce(`${this.name}: ${job.error}`);
    } else this.finish(job);
    count();
  }

  finish(job) {
    this.tell('');
    this.state.append(make('strong', { className: `verdict ${job.verdict ?? 'unjudged'}` }, job.words));
    if (job.probability != null) {
      const percent = Math.min(99.9, Math.max(0.1, job.probability * 100));
      this.state.append(` Probability of a forgery: ${percent < 1 || percent > 99 ? percent.toFixed(1) : Math.round(percent)} %`);
    }
    this.reasons.replaceChildren(...job.reasons.slice(0, 3).map(reason => make('li', {}, reason)));
    this.reasons.hidden = !job.reasons.length;
    this.offer('done',
      ...(job.report ? [
        this.link('Open report', job.report, { target: '_blank', rel: 'noopener' }),
        this.link('Save report', `${job.report}?save`),
      ] : []),
      this.link('Save numbers', `${job.result}?save`),
      this.button('Remove', () => this.stop()));
    announce(`${this.name}: ${job.words}`);
  }
}

/** Says how many files are left, also in the window's title. */
function count() {
  element('none').hidden = list.children.length > 0;
  const left = waiting.length + sending + [...rows.values()].filter(row => !row.over).length;
  document.title = (left ? `${left} left, ` : '') + 'sbi: are these faces forged?';
}

function add(files) {
  for (const file of files) {
    const row = new Row(file.name, file.size);
    row.file = file;
    if (file.size > limits.max_bytes) row.end(`Too large: at most ${size(limits.max_bytes)} are taken`);
    else if (!file.size) row.end('Empty file');
    else {
      waiting.push(row);
      row.tell('Waiting to be sent');
      row.offer('stop', row.button('Stop', () => row.stop()));
    }
  }
  count();
  send();
}

function send() {
  while (!paused && sending < SENDERS && waiting.length) upload(waiting.shift());
}

function upload(row) {
  sending++;
  const request = row.request = new XMLHttpRequest();
  const done = () => { sending--; send(); count(); };
  request.open('POST', `/jobs?name=${encodeURIComponent(row.name)}`);
  request.setRequestHeader('Content-Type', 'application/octet-stream');
  request.responseType = 'json';
  request.upload.onprogress = event => row.tell(`Sending: ${size(event.loaded)} of ${size(row.file.size)}`, event.loaded / row.file.size);
  request.onload = () => {
    if (request.status === 201) {
      row.id = request.response.id;
      row.file = null;
      // The server may have told of it already.
      const told = rows.get(row.id);
      if (told && told !== row) told.item.remove();
      rows.set(row.id, row);
      row.show(request.response);
      soon();
    } else if (request.status === 503) {
      // Its queue is full: once more, a little later.
      waiting.unshift(row);
      row.tell('Waiting to be sent');
      paused = true;
      setTimeout(() => { paused = false; send(); }, 3000);
    } else row.end(request.response?.error ?? `Not taken (${request.status})`);
    done();
  };
  request.onerror = () => { row.end('Not sent: the connection broke off, or the file cannot be read'); done(); };
  request.onabort = done;
  request.send(row.file);
}

/** Asks how far everything is. */
async function ask() {
  let active = false;
  // What is sent while the answer is under way is not missing from it.
  const known = [...rows];
  try {
    const answer = await fetch('/jobs');
    if (answer.status === 401) return location.reload();
    const { jobs } = await answer.json();
    trouble('');
    const there = new Set();
    for (const job of jobs) {
      there.add(job.id);
      if (!rows.has(job.id)) {
        // Of another window, or an upload whose answer is just coming; stopped ones are shown no more.
        if (stopped.has(job.id) || sending) continue;
        const row = new Row(job.name, job.bytes);
        row.id = job.id;
        rows.set(job.id, row);
      }
      rows.get(job.id).show(job);
      active ||= job.state === 'queued' || job.state === 'running';
    }
    for (const [id, row] of known) {
      if (!there.has(id) && rows.delete(id)) row.remove();
    }
  } catch {
    trouble('sbi does not answer: it may have been ended. After it has been started again, reload this page.');
  }
  again(active ? 400 : 3000);
}

let timer;
function again(after) {
  clearTimeout(timer);
  timer = setTimeout(ask, after);
}
const soon = () => again(100);

input.onchange = () => { add(input.files); input.value = ''; };
const carriesFiles = event => event.dataTransfer?.types.includes('Files');
// A file that is let go beside the zone must not replace the page.
for (const kind of ['dragover', 'drop']) window.addEventListener(kind, event => { if (carriesFiles(event)) event.preventDefault(); });
window.addEventListener('dragover', event => zone.classList.toggle('over', carriesFiles(event)));
for (const kind of ['dragleave', 'drop', 'dragend']) window.addEventListener(kind, () => zone.classList.remove('over'));
window.addEventListener('drop', event => {
  if (!carriesFiles(event)) return;
  const items = [...event.dataTransfer.items];
  const folders = items.filter(item => item.webkitGetAsEntry?.()?.isDirectory).length;
  const files = [...event.dataTransfer.files];
  add(folders ? items.filter(item => !item.webkitGetAsEntry()?.isDirectory).map(item => item.getAsFile()) : files);
  if (folders) trouble('Folders cannot be given as a whole: open the folder, choose all files in it and drop these.');
});
window.addEventListener('beforeunload', event => { if (waiting.length || sending) event.preventDefault(); });

fetch('/about').then(answer => answer.json()).then(about => {
  limits = about;
  element('limits').textContent = `Up to ${size(about.max_bytes)} each.`;
}).catch(() => {});
ask();
