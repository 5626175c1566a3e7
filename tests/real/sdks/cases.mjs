// Runs a script's cases and prints one JSON line for each: its name, and what was seen.
// A script is called with the base URL and the key of an emulator.

export const [BASE_URL, KEY] = process.argv.slice(2);

// A picture of one red dot.
export const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

export async function run(cases) {
  for (const [name, work] of Object.entries(cases)) {
    let line;
    try {
      line = { case: name, seen: (await work()) ?? null };
    } catch (error) {
      line = { case: name, failed: `${error?.constructor?.name}: ${error?.message}` };
    }
    console.log(JSON.stringify(line));
  }
}

// The class of the error that a call raises.
export async function errorOf(work) {
  try {
    await work();
  } catch (error) {
    return error.constructor.name;
  }
  return "none";
}
