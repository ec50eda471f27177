// A process for origin.test.ts to kill: it starts an origin, says where, and waits.
import { startOrigin } from "../src/origin.ts";

const { plainUrl } = await startOrigin();
process.stdout.write(`${plainUrl}\n`);
