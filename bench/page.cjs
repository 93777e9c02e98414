// Drives the page for bench/page: node page.cjs MODE SERVER TOKEN …
const {drop, launch, run, sampled, start, state, visit} = require('../tests/clients/page_tools.cjs');

const [mode, server, token, ...more] = process.argv.slice(2);

const at = (values, share) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))];
const heapMB = async page => {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  return (await session.send('Runtime.getHeapUsage')).usedSize / 1e6;
};

const modes = {
  async preview(page, folder, changes) {
    await start(page);
    await drop(page, folder);
    await sampled(page);
    for (const size of ['beside the controls', 'large']) {
      if (size === 'large') await page.getByRole('button', {name: 'Larger'}).click();
      await sampled(page);
      // From the event of the control to the frame in which the new picture is there.
      const times = await page.evaluate(async n => {
        const slider = document.querySelector('.output input[type=range]');
        const times = [];
        for (let i = 0; i < n; ++i) {
          const before = document.querySelector('.compare .after').src;
          const began = performance.now();
          slider.value = String(40 + ((i * 7) % 50));
          slider.dispatchEvent(new Event('input', {bubbles: true}));
          await new Promise(shown => {
            const look = () => {
              const picture = document.querySelector('.compare .after');
              if (picture && picture.src !== before && picture.complete && picture.naturalWidth > 0) shown();
              else requestAnimationFrame(look);
            };
            look();
          });
          times.push(performance.now() - began);
          await new Promise(quiet => setTimeout(quiet, 100 + (i % 5) * 150));
        }
        return times;
      }, Number(changes));
      const width = await page.evaluate(() => document.querySelector('.compare .after').naturalWidth);
      console.log(`${size}, ${width} pixels wide: p50 ${at(times, 0.5).toFixed(0)} ms, p95 ${at(times, 0.95).toFixed(0)} ms, most ${Math.max(...times).toFixed(0)} ms of ${times.length}`);
    }
  },

  async files(page, batch, name) {
    await page.addInitScript(() => {
      window.longTasks = [];
      new PerformanceObserver(list => list.getEntries().forEach(e => window.longTasks.push([Math.round(e.startTime), Math.round(e.duration)]))).observe({entryTypes: ['longtask']});
    });
    const open = async () => {
      await page.goto(new URL('#/', page.url()).href);
      await page.reload();
      await start(page);
      await page.waitForTimeout(500);
      return page.evaluate(async id => {
        const began = performance.now();
        location.hash = `#/b/${id}`;
        await new Promise(there => {
          const look = () => (document.querySelector('.print, .line:not(.head)') ? there() : requestAnimationFrame(look));
          look();
        });
        return performance.now() - began;
      }, batch);
    };
    const first = [];
    for (let i = 0; i < 9; ++i) first.push(await open());
    const began = Date.now();
    await page.waitForFunction(() => /100,000/.test(document.querySelector('.chip b')?.textContent ?? ''), null, {timeout: 60_000});
    console.log(`first rows p50 ${at(first, 0.5).toFixed(0)} ms, most ${Math.max(...first).toFixed(0)} ms of ${first.length}, all files after ${Date.now() - began} ms more`);
    await page.getByRole('button', {name: 'Table'}).click();
    await page.waitForTimeout(3000);
    const scrolled = await page.evaluate(async () => {
      window.longTasks.length = 0;
      const frames = [];
      let last = performance.now();
      for (let i = 0; i < 300; ++i) {
        scrollBy(0, i % 50 === 49 ? 100_000 : 400);
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        frames.push(now - last);
        last = now;
      }
      return {long: window.longTasks, frames};
    });
    console.log(`scrolling: ${scrolled.long.length} tasks over 50 ms ${JSON.stringify(scrolled.long)}, frame p50 ${at(scrolled.frames, 0.5).toFixed(1)} ms, p95 ${at(scrolled.frames, 0.95).toFixed(1)} ms`);
    console.log(`heap after collection: ${(await heapMB(page)).toFixed(1)} MB`);
    const found = await page.evaluate(async text => {
      const box = document.querySelector('.find');
      scrollTo(0, 0);
      const began = performance.now();
      box.value = text;
      box.dispatchEvent(new Event('input', {bubbles: true}));
      await new Promise(there => {
        const look = () => {
          const rows = document.querySelectorAll('.line:not(.head)');
          if (rows.length === 1 && rows[0].textContent.includes(text)) there();
          else requestAnimationFrame(look);
        };
        look();
      });
      return performance.now() - began;
    }, name);
    console.log(`one file found by its name after ${found.toFixed(0)} ms`);
  },

  async heap(page, folder) {
    await start(page);
    await drop(page, folder);
    await page.getByRole('button', {name: /^Convert/}).click();
    let most = 0;
    const session = await page.context().newCDPSession(page);
    const looking = setInterval(async () => {
      most = Math.max(most, (await session.send('Runtime.getHeapUsage')).usedSize);
    }, 250);
    await state(page, /^Done/, 900_000);
    clearInterval(looking);
    console.log(`heap: at most ${(most / 1e6).toFixed(1)} MB, after collection ${(await heapMB(page)).toFixed(1)} MB`);
  },
};

run(async shown => {
  const browser = await launch();
  const {page} = await visit(browser, server, token, {});
  page.setDefaultTimeout(600_000);
  shown.page = page;
  await modes[mode](page, ...more);
  await browser.close();
});
