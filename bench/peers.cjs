// What bench/peers compares with: sharp and BullMQ, as their documents use them. Prints one line of JSON.
//
//   node peers.cjs inputs FOLDER [PHOTO] [PNG]     makes the inputs that all rows share
//   node peers.cjs sharp ROW OUT PARALLEL FOLDER   converts every file of FOLDER
//   node peers.cjs bullmq PORT JOBS CONCURRENCY    jobs that do nothing
'use strict'
const fs = require('node:fs')
const path = require('node:path')
const {performance} = require('node:perf_hooks')

const modules = process.env.PEERS_MODULES
const load = (name) => require(require.resolve(name, {paths: [modules]}))

const widths = [2000, 1200, 800, 400]
const fit = {fit: 'inside', withoutEnlargement: true}

// What becomes of one file, by row. Sharp's options are those of darkroom's defaults: quality 80.
const rows = {
  jpeg_720: (sharp, file, out) => sharp(file).resize(720, 588, fit).jpeg({quality: 80}).toFile(`${out}.jpg`),
  jpeg_full: (sharp, file, out) => sharp(file).jpeg({quality: 80}).toFile(`${out}.jpg`),
  png_720: (sharp, file, out) => sharp(file).resize(720, 540, fit).png().toFile(`${out}.png`),
  jpeg_png: (sharp, file, out) => sharp(file).png().toFile(`${out}.png`),
  jpeg_webp: (sharp, file, out) => sharp(file).webp({quality: 80}).toFile(`${out}.webp`),
  eight: (sharp, file, out) => {
    const source = sharp(file)
    const each = widths.flatMap((width) => {
      const resized = source.clone().resize(width, null, fit)
      return [resized.clone().jpeg({quality: 80}).toFile(`${out}-${width}.jpg`),
              resized.clone().webp({quality: 80}).toFile(`${out}-${width}.webp`)]
    })
    return Promise.all(each)
  },
}

function bytesIn(folder) {
  const sizes = fs.readdirSync(folder).map((name) => fs.statSync(path.join(folder, name)).size)
  return {sum: sizes.reduce((a, b) => a + b, 0), most: Math.max(...sizes)}
}

async function runSharp(row, out, parallel, folder) {
  const sharp = load('sharp')
  sharp.cache(false) // as in its own benchmark: no file is read twice
  const files = fs.readdirSync(folder).map((name) => path.join(folder, name))
  fs.mkdirSync(out, {recursive: true})
  const began = performance.now()
  let next = 0
  const work = async () => {
    for (let i = next++; i < files.length; i = next++)
      await rows[row](sharp, files[i], path.join(out, path.parse(files[i]).name))
  }
  await Promise.all(Array.from({length: Number(parallel)}, work))
  return {ms: performance.now() - began, bytes: bytesIn(out).sum}
}

// Noise that is blurred at two scales has about the detail of a photo.
async function madePhoto(sharp, width, height, channels) {
  const noise = (sigma) => ({width, height, channels: 3, background: '#808080', noise: {type: 'gaussian', mean: 128, sigma}})
  const coarse = await sharp({create: noise(120)}).blur(20).normalise().png().toBuffer()
  if (channels === 3) {
    const fine = await sharp({create: noise(40)}).blur(1).png().toBuffer()
    return sharp(coarse).composite([{input: fine, blend: 'soft-light'}]).jpeg({quality: 92}).toBuffer()
  }
  // A drawing, without the fine noise that no PNG would be used for.
  const alpha = await sharp({create: noise(120)}).blur(30).normalise().greyscale().raw().toBuffer()
  return sharp(coarse).removeAlpha().joinChannel(alpha, {raw: {width, height, channels: 1}}).png().toBuffer()
}

async function makeInputs(folder, photoPath, pngPath) {
  const sharp = load('sharp')
  const photo = photoPath ? fs.readFileSync(photoPath) : await madePhoto(sharp, 2725, 2225, 3)
  const png = pngPath ? fs.readFileSync(pngPath) : await madePhoto(sharp, 2048, 1536, 4)
  const copies = (name, count, content, extension) => {
    const to = path.join(folder, name)
    fs.mkdirSync(to, {recursive: true})
    for (let i = 0; i < count; i++) fs.writeFileSync(path.join(to, `${i}${extension}`), content)
  }
  copies('photos', 60, photo, '.jpg')
  copies('some', 15, photo, '.jpg')
  copies('one', 1, photo, '.jpg')
  copies('png', 20, png, '.png')
  const tiny = path.join(folder, 'tiny')
  fs.mkdirSync(tiny, {recursive: true})
  const pixels = await sharp(photo).resize(1280, 1280, {fit: 'fill'}).raw().toBuffer()
  const raw = {width: 1280, height: 1280, channels: 3}
  for (let i = 0; i < 3000; i++) {
    const at = {left: (i * 37) % 1216, top: (i * 101) % 1216, width: 64, height: 64}
    await sharp(pixels, {raw}).extract(at).jpeg({quality: 85}).toFile(path.join(tiny, `${i}.jpg`))
  }
  return {}
}

async function runBullmq(port, jobs, concurrency) {
  const {Queue, Worker} = load('bullmq')
  const connection = {host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null}
  const name = `noop-${process.pid}`
  const queue = new Queue(name, {connection})
  const total = Number(jobs)
  for (let at = 0; at < total; at += 1000)
    await queue.addBulk(Array.from({length: Math.min(1000, total - at)}, (_, i) => ({name: 'file', data: {path: `folder/${at + i}.jpg`}})))
  let done = 0
  const began = performance.now()
  const worker = new Worker(name, async () => ({bytes: 1}), {connection, concurrency: Number(concurrency)})
  await new Promise((resolve) => worker.on('completed', () => ++done === total && resolve()))
  const seconds = (performance.now() - began) / 1000
  await worker.close()
  await queue.obliterate({force: true})
  await queue.close()
  return {per_s: total / seconds}
}

const [what, ...rest] = process.argv.slice(2)
const run = {inputs: makeInputs, sharp: runSharp, bullmq: runBullmq}[what]
run(...rest).then(
  (answer) => console.log(JSON.stringify(answer)),
  (error) => {
    console.error(error)
    process.exit(1)
  },
)
