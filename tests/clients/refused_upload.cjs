// Sends a file that is refused while its bytes are coming, with and without a length, and prints how often each
// answer came: node refused_upload.cjs URL TOKEN FILE COUNT; - is no token.
const fs = require('fs');
const undici = require('undici');

const [url, token, file, count] = process.argv.slice(2);
const dispatcher = new undici.Agent({connect: {rejectUnauthorized: false}});
const authorization = token === '-' ? {} : {authorization: 'Bearer ' + token};

async function attempt(withLength) {
  const headers = {...authorization, ...(withLength ? {'content-length': String(fs.statSync(file).size)} : {})};
  try {
    const answer = await undici.request(url, {method: 'PUT', headers, body: fs.createReadStream(file), dispatcher});
    const {code} = await answer.body.json();
    return `${answer.statusCode} ${answer.headers['content-type']} ${code}`;
  } catch (error) {
    return `none (${error.code ?? error.message})`;
  }
}

(async () => {
  const seen = {};
  for (let i = 0; i < 2 * Number(count); ++i) {
    const answer = await attempt(i % 2 === 0);
    seen[answer] = (seen[answer] ?? 0) + 1;
  }
  console.log(JSON.stringify(seen));
  await dispatcher.close();
})();
