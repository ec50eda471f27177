// A process for origin.test.ts to kill: it starts an origin, says where, and waits.
import { startOrigin } from "../src/origin.ts";

const { urls } = await startOrigin();
process.stdout.write(`${urls.plain}\n`);
