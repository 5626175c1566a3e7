// The package openai from npm, as it comes out of the box.
import OpenAI from "openai";
import { zodFunction, zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import { BASE_URL, KEY, PNG, errorOf, run } from "./cases.mjs";

const client = new OpenAI({ baseURL: BASE_URL, apiKey: KEY });
const model = "gpt-4o-mini";
const user = (content) => ({ role: "user", content });
const Place = z.object({ city: z.string(), days: z.number().int(), tags: z.array(z.string()) });
const tool = (name) => ({
  type: "function",
  function: { name, parameters: { type: "object", properties: { city: { type: "string" } } } },
});
const tools = [tool("get_weather"), tool("get_time")];
const runnable = (name) => ({
  type: "function",
  function: {
    ...tool(name).function,
    parse: JSON.parse,
    function: ({ city }) => `${name} in ${city}`,
  },
});

await run({
  async plain() {
    const answer = await client.chat.completions.create({ model, messages: [user("Hello")] });
    return answer.choices[0].message.content;
  },
  async streaming() {
    const stream = await client.chat.completions.create({
      model, messages: [user("Hello")], stream: true, stream_options: { include_usage: true },
    });
    let text = "", total = null;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta?.content ?? "";
      total = chunk.usage?.total_tokens ?? total;
    }
    return [text, total];
  },
  async stream_helper_and_its_message_back() {
    const messages = [user("get_weather and get_time, then get_weather of Paris")];
    const rounds = [];
    for (let round = 0; round < 3; round++) {
      const message = await client.chat.completions.stream({ model, messages, tools }).finalMessage();
      const calls = message.tool_calls ?? [];
      rounds.push(calls.map((call) => call.function.name));
      messages.push(message);
      for (const call of calls)
        messages.push({ role: "tool", tool_call_id: call.id, content: "18 °C" });
    }
    return rounds;
  },
  async run_tools() {
    const runner = client.chat.completions.runTools({
      model,
      messages: [user("get_weather and get_time of Paris")],
      tools: [runnable("get_weather"), runnable("get_time")],
    });
    return await runner.finalContent();
  },
  async run_tools_streamed() {
    const runner = client.chat.completions.runTools({
      model, stream: true, messages: [user("Paris")], tools: [runnable("get_weather")],
    });
    return await runner.finalContent();
  },
  async tool_choice() {
    const answer = await client.chat.completions.create({
      model, messages: [user("Paris")], tools,
      tool_choice: { type: "function", function: { name: "get_time" } },
    });
    return answer.choices[0].message.tool_calls.map((call) => call.function.name);
  },
  async parse() {
    const answer = await client.chat.completions.parse({
      model, messages: [user("Paris")], response_format: zodResponseFormat(Place, "place"),
    });
    const message = answer.choices[0].message;
    const again = await client.chat.completions.create({
      model, messages: [user("Paris"), message, user("And now?")],
    });
    return [message.parsed, again.choices[0].message.content];
  },
  async parsed_tool() {
    const answer = await client.chat.completions.parse({
      model, messages: [user("Paris")], tools: [zodFunction({ name: "place", parameters: Place })],
    });
    return answer.choices[0].message.tool_calls.map((call) => call.function.parsed_arguments);
  },
  async image() {
    const url = `data:image/png;base64,${PNG}`;
    const content = [{ type: "text", text: "What?" }, { type: "image_url", image_url: { url } }];
    const answer = await client.chat.completions.create({ model, messages: [user(content)] });
    return answer.choices[0].message.content;
  },
  async errors() {
    const wrong = new OpenAI({ baseURL: BASE_URL, apiKey: "wrong-key", maxRetries: 0 });
    const ask = (fields) =>
      client.chat.completions.create({ model, messages: [user("Hello")], ...fields });
    return [
      await errorOf(() => wrong.models.list()),
      await errorOf(() => ask({ model: "no-such-model" })),
      await errorOf(() => ask({ messages: [] })),
      await errorOf(() => ask({ no_such_field: 1 })),
    ];
  },
  async models() {
    const listed = [];
    for await (const each of client.models.list()) listed.push(each.id);
    return [listed.includes(model), (await client.models.retrieve(model)).id];
  },
  async responses_plain() {
    const answer = await client.responses.create({ model, instructions: "Be brief", input: "Hello" });
    const again = await client.responses.create({
      model, input: "And now?", previous_response_id: answer.id,
    });
    return [answer.output_text, answer.status, again.output_text];
  },
  async responses_streamed() {
    const stream = client.responses.stream({
      model: "gpt-5-mini", input: "Hello", reasoning: { effort: "low", summary: "auto" },
    });
    const kinds = new Set();
    for await (const event of stream) kinds.add(event.type);
    const final = await stream.finalResponse();
    return [[...kinds], final.output_text, final.usage.total_tokens];
  },
  async responses_tools_and_encrypted_reasoning() {
    const input = [user("get_weather and get_time, then get_weather of Paris")];
    const rounds = [];
    let answer;
    for (let round = 0; round < 3; round++) {
      const options = {
        model: "gpt-5-mini", input, store: false, include: ["reasoning.encrypted_content"],
        tools: tools.map((each) => ({ type: "function", strict: false, ...each.function })),
      };
      answer = round % 2
        ? await client.responses.stream(options).finalResponse()
        : await client.responses.create(options);
      const calls = answer.output.filter((item) => item.type === "function_call");
      rounds.push(calls.map((call) => call.name));
      input.push(...answer.output);
      for (const call of calls)
        input.push({ type: "function_call_output", call_id: call.call_id, output: "18 °C" });
    }
    return [rounds, answer.output_text];
  },
  async responses_parse() {
    const answer = await client.responses.parse({
      model, input: "Paris", text: { format: zodTextFormat(Place, "place") },
    });
    return answer.output_parsed;
  },
  async responses_errors() {
    const wrong = new OpenAI({ baseURL: BASE_URL, apiKey: "wrong-key", maxRetries: 0 });
    const ask = (fields) => client.responses.create({ model, input: "Hello", ...fields });
    return [
      await errorOf(() => wrong.responses.create({ model, input: "Hello" })),
      await errorOf(() => ask({ model: "no-such-model" })),
      await errorOf(() => ask({ input: [] })),
      await errorOf(() => ask({ previous_response_id: "resp_unknown" })),
    ];
  },
});
