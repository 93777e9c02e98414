// Three people at one server: node page_users.cjs SERVER ADMIN ANN BEN FOLDER
// Ann and Ben drop a folder each; neither sees the other's batch, the admin sees both.
const {drop, launch, run, start, state, visit} = require('./page_tools.cjs');

const [server, admin, ann, ben, folder] = process.argv.slice(2);

run(async shown => {
  const browser = await launch();
  const convert = async (token, name) => {
    const {page} = await visit(browser, server, token);
    shown.page = page;
    await start(page);
    await drop(page, folder);
    await page.getByRole('textbox', {name: 'Name of the batch'}).fill(name);
    await page.getByRole('button', {name: /^Convert/}).click();
    await state(page, /^Done/);
    return page;
  };
  const anns = await convert(ann, 'of Ann');
  const bens = await convert(ben, 'of Ben');
  const listed = async page => {
    shown.page = page;
    await page.getByRole('link', {name: 'Batches', exact: true}).click();
    // The start view has rows of batches too.
    await page.locator('main.list a.batch').first().waitFor();
    return (await page.locator('main.list a.batch b').allInnerTexts()).sort().join(', ');
  };
  const link = new URL(anns.url()).hash;
  console.log(`Ann sees ${await listed(anns)}`);
  console.log(`Ben sees ${await listed(bens)}`);
  const {page} = await visit(browser, server, admin);
  await start(page);
  console.log(`the admin sees ${await listed(page)}`);
  // A link to another user's batch says that it is one.
  await bens.goto(`${server}/${link}`);
  console.log(await bens.getByRole('alert').innerText());
  await browser.close();
});
