'use strict';

// @alicloud/pop-core for a caller in another language: reads a request a line, writes an answer or the error's code a
// line. Arguments: endpoint, key id, secret, version.

const readline = require('readline');
const { RPCClient } = require('@alicloud/pop-core');

const [endpoint, accessKeyId, accessKeySecret, apiVersion] = process.argv.slice(2);
const client = new RPCClient({ endpoint, accessKeyId, accessKeySecret, apiVersion });

async function outcome({ action, parameters, method }) {
  try {
    return { answer: await client.request(action, parameters, { method }) };
  } catch (error) {
    // Anything but an answer of the vendor's is a failure of the test.
    if (!error.code || !error.data) throw error;
    return { refused: error.code };
  }
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await outcome(JSON.parse(line)))}\n`);
  }
  process.exit(0);
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
