// Pictures are pasted: node page_paste.cjs SERVER TOKEN PICTURE
// A text is none; two of one name, as browsers call what comes from a clipboard, are two; and one by the keyboard, from
// the browser's own clipboard. Prints what is made of them.
const fs = require('fs');
const {launch, run, start, state, visit} = require('./page_tools.cjs');

const [server, token, picture] = process.argv.slice(2);

const paste = (page, files, text) =>
  page.evaluate(
    ({files, text}) => {
      const data = new DataTransfer();
      for (const {name, type, base64} of files) data.items.add(new File([Uint8Array.from(atob(base64), c => c.charCodeAt(0))], name, {type}));
      if (text) data.setData('text/plain', text);
      document.activeElement.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}));
    },
    {files, text},
  );

run(async shown => {
  const browser = await launch();
  const {page, context, faults} = await visit(browser, server, token);
  shown.page = page;
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], {origin: server});
  const base64 = fs.readFileSync(picture).toString('base64');
  const png = {name: 'image.png', type: 'image/png', base64};
  const converted = async count => {
    await page.getByRole('button', {name: /^Convert/}).click();
    await state(page, /^Done/);
    await page.getByRole('button', {name: 'Table'}).click();
    await page.locator('.line a').nth(count - 1).waitFor();
    console.log((await page.locator('.line:not(.head) a').allInnerTexts()).map(s => s.trim()).join(', '));
  };

  await start(page);
  await paste(page, [], 'words');
  await page.getByRole('heading', {name: 'Drop a folder of pictures'}).waitFor();
  await paste(page, [{name: 'notes.txt', type: 'text/plain', base64: btoa('words')}]);
  await page.getByText('Nothing in there is a picture that Darkroom reads').waitFor();
  await paste(page, [png, png]);
  await page.getByRole('button', {name: 'Convert 2 pictures to WebP'}).waitFor();
  await converted(2);

  // While a batch is looked at, from the real clipboard: what is pasted is the next batch.
  await page.evaluate(async base64 => {
    const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0));
    await navigator.clipboard.write([new ClipboardItem({'image/png': new Blob([bytes], {type: 'image/png'})})]);
  }, base64);
  await page.keyboard.press('Control+V');
  await page.getByRole('button', {name: 'Convert 1 picture to WebP'}).waitFor();
  await converted(1);
  // In a field, a text is a text.
  await page.getByRole('searchbox', {name: 'Find a file'}).focus();
  await paste(page, [], 'words');
  await page.getByRole('searchbox', {name: 'Find a file'}).waitFor();
  for (const fault of faults) console.log(fault);
  await browser.close();
});
