// Without this file every page works; with it the board moves and the distances tick.
//
// Live: the page says where its events are (data-live). An event says only that something changed; the same page is
// fetched and what differs is exchanged in place, by id. A row never changes its place under a finger: the order is
// made anew at the next load. Focus and scroll stay.
(function () {
  'use strict';
  var body = document.body, data = body.dataset;
  if (!data.now) return;

  // --- clocks: the service's time, whatever this machine's clock says
  var offset = Number(data.now) - Date.now();
  var units = data.units.split('|');
  function now() { return Date.now() + offset; }
  function unit(n, which) { return units[which].replace('%', n); }
  function two(a, big, b, small) { return unit(a, big) + (b ? units[4] + unit(b, small) : ''); }
  function length(ms) {
    var s = Math.floor(Math.abs(ms) / 1000);
    if (s < 60) return unit(s, 0);
    if (s < 120) return two(1, 1, s - 60, 0);
    if (s < 3600) return unit(Math.floor(s / 60), 1);
    if (s < 86400) return two(Math.floor(s / 3600), 2, Math.floor(s % 3600 / 60), 1);
    return two(Math.floor(s / 86400), 3, Math.floor(s % 86400 / 3600), 2);
  }
  function set(node, text) { if (node.textContent !== text) node.textContent = text; }
  function each(selector, todo) { Array.prototype.forEach.call(document.querySelectorAll(selector), todo); }
  function clock(ms) {
    var zone = (document.querySelector('[data-clock]').getAttribute('datetime') || '').match(/([+-])(\d\d):(\d\d)$/);
    var shift = zone ? (zone[1] === '-' ? -1 : 1) * (zone[2] * 60 + Number(zone[3])) : 0;
    return new Date(ms + shift * 60000).toISOString().slice(11, 16);
  }
  function tick() {
    each('[data-since]', function (n) { set(n, length(now() - Number(n.dataset.since))); });
    each('[data-away]', function (n) {
      var ms = Number(n.dataset.away) - now();
      set(n, (ms > 0 ? data.in : data.ago).replace('%', length(ms)));
    });
    each('[data-until]', function (n) {
      var ms = Number(n.dataset.until) - now();
      set(n, ms > 0 ? data.left.replace('%', length(ms)) : data.over);
    });
    each('[data-countdown]', function (n) {
      var s = Math.max(0, Math.floor((Number(n.dataset.countdown) - now()) / 1000)), m = s % 60;
      set(n, Math.floor(s / 60) + ':' + (m < 10 ? '0' : '') + m);
    });
    each('[data-clock]', function (n) { set(n, clock(now())); });
  }
  setInterval(tick, 1000);

  // --- live
  // A file's words into a box of the form, so that they can be read and mended before they are sent.
  each('[data-into]', function (n) {
    n.closest('[hidden]').hidden = false;
    n.addEventListener('change', function () {
      var box = document.getElementById(n.dataset.into);
      if (n.files[0] && box) n.files[0].text().then(function (words) { box.value = words; });
    });
  });

  // What differs from the report before is marked while it is typed; the page itself marks it when it is kept.
  function plain(text) { return text.normalize('NFKC').replace(/\r\n/g, '\n').trim(); }
  each('[data-former]', function (ask) {
    function look() {
      var box = ask.querySelector('input:checked') || ask.querySelector('textarea, input:not([type=radio])');
      ask.classList.toggle('changed', plain(box ? box.value : '') !== plain(ask.dataset.former));
    }
    ask.addEventListener('input', look);
    look();
  });

  var live = document.querySelector('[data-live]'), pulse = document.getElementById('pulse');
  if (!live || !window.EventSource || !window.DOMParser) return;
  var last = now(), busy = false, again = false, timer = 0, stopped = false;

  function flowing() {
    last = now(); stopped = false;
    pulse.className = 'pulse'; pulse.textContent = '';
  }
  function stand() {
    if (stopped) return;
    stopped = true;
    pulse.className = 'stopped'; pulse.textContent = data.stopped + ' ' + clock(last);
  }
  function focusPath(root) {
    var focused = document.activeElement;
    if (!root.contains(focused)) return null;
    return Array.prototype.indexOf.call(root.querySelectorAll('a,button,input,select,textarea,summary'), focused);
  }
  function exchange(old, fresh, mark) {
    var place = focusPath(old), copy = document.importNode(fresh, true);
    if (mark) copy.classList.add('fresh');
    // What somebody has unfolded stays so.
    var folds = old.querySelectorAll('details');
    Array.prototype.forEach.call(copy.querySelectorAll('details'), function (fold, index) {
      if (folds[index]) fold.open = folds[index].open;
    });
    old.parentNode.replaceChild(copy, old);
    if (place !== null && place >= 0) {
      var next = copy.querySelectorAll('a,button,input,select,textarea,summary')[place];
      if (next) next.focus({ preventScroll: true });
    }
  }
  // Typing is never thrown away: a form with something in it stays as it is.
  function typing(node) {
    return Array.prototype.some.call(node.querySelectorAll('textarea,input[type=text],input:not([type])'), function (field) {
      return field.value !== field.defaultValue;
    });
  }
  function take(page) {
    ['troubles', 'needs', 'calls', 'counts', 'forces', 'tabs', 'mast', 'pins', 'msgs', 'lists', 'chair'].forEach(function (id) {
      var old = document.getElementById(id), fresh = page.getElementById(id);
      if (old && fresh && old.outerHTML !== fresh.outerHTML && !typing(old)) exchange(old, fresh, false);
      else if (!old && fresh && id === 'troubles') live.insertBefore(document.importNode(fresh, true), live.firstChild);
      else if (old && !fresh && id === 'troubles') old.parentNode.removeChild(old);
    });
    Array.prototype.forEach.call(page.querySelectorAll('.group'), function (group) {
      var here = document.getElementById(group.id);
      if (!here) { document.getElementById('board').insertBefore(document.importNode(group, true), document.querySelector('#board > .legend')); return; }
      var head = here.querySelector('header'), head2 = group.querySelector('header');
      if (head.outerHTML !== head2.outerHTML) exchange(head, head2, false);
      var short = here.querySelector('.short'), short2 = group.querySelector('.short');
      if (short && !short2) here.removeChild(short);
      else if (short && short2 && short.outerHTML !== short2.outerHTML) exchange(short, short2, false);
      else if (!short && short2) here.insertBefore(document.importNode(short2, true), here.querySelector('ul'));
      Array.prototype.forEach.call(group.querySelectorAll('[data-v]'), function (row) {
        var old = document.getElementById(row.id);
        if (!old) { here.querySelector('ul').appendChild(document.importNode(row, true)).classList.add('fresh'); return; }
        if (old.dataset.v !== row.dataset.v && !typing(old)) exchange(old, row, true);
      });
    });
    // A planned alert that has been raised stands there as itself now.
    each('.group[id^="plan-"]', function (group) { if (!page.getElementById(group.id)) group.parentNode.removeChild(group); });
    var said = page.body.dataset.now;
    if (said) offset = Number(said) - Date.now();
    tick();
  }
  function fetchPage() {
    if (busy) { again = true; return; }
    busy = true;
    fetch(location.href, { headers: { Accept: 'text/html' }, credentials: 'same-origin' }).then(function (answer) {
      if (!answer.ok) throw new Error(String(answer.status));
      // What was held runs now, or is over: this page has nothing more to say.
      if (answer.redirected) location.assign(answer.url);
      return answer.text();
    }).then(function (text) {
      take(new DOMParser().parseFromString(text, 'text/html'));
      flowing();
      read();
    }).catch(stand).then(function () {
      busy = false;
      if (again) { again = false; soon(); }
    });
  }
  // A burst of events is one look.
  function soon() { clearTimeout(timer); timer = setTimeout(fetchPage, 200); }

  var source = new EventSource(live.dataset.live);
  source.onopen = function () { if (stopped) soon(); flowing(); };
  source.onmessage = soon;
  ['incident', 'alert', 'recipient', 'task', 'report', 'channel', 'chronology'].forEach(function (name) { source.addEventListener(name, soon); });
  source.onerror = function () { setTimeout(function () { if (source.readyState !== 1) stand(); }, 3000); };
  document.addEventListener('visibilitychange', function () { if (!document.hidden) soon(); });
  // Looked at, not only fetched: whoever wrote wants to know who has read.
  function read() {
    if (!live.dataset.read || document.hidden) return;
    fetch(live.dataset.read, {
      method: 'POST', credentials: 'same-origin',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: 'csrf=' + encodeURIComponent(live.dataset.csrf)
    });
  }
  setTimeout(read, 800);
  document.addEventListener('visibilitychange', read);
  // Deadlines pass without an event.
  setInterval(soon, 30000);
})();
