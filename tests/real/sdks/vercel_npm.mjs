// The package ai from npm with its providers, against all far sides: the base URLs come as JSON.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, generateText, jsonSchema, stepCountIs, streamObject, streamText, tool } from "ai";
import { z } from "zod";
import { BASE_URL, KEY, PNG, errorOf, run } from "./cases.mjs";

const urls = JSON.parse(BASE_URL);
// Without it the schema is not sent at all.
const compatible = { supportsStructuredOutputs: true };
const makers = {
  openai: (apiKey) => createOpenAI({ apiKey, baseURL: urls.openai }).chat,
  // Its default: the Responses API.
  responses: (apiKey) => createOpenAI({ apiKey, baseURL: urls.openai }),
  compatible: (apiKey) =>
    createOpenAICompatible({ ...compatible, name: "emulator", apiKey, baseURL: urls.openai }),
  ollama: (apiKey) =>
    createOpenAICompatible({ ...compatible, name: "ollama", apiKey, baseURL: `${urls.ollama}/v1` }),
  anthropic: (apiKey) => createAnthropic({ apiKey, baseURL: `${urls.anthropic}/v1` }),
  google: (apiKey) => createGoogleGenerativeAI({ apiKey, baseURL: `${urls.gemini}/v1beta` }),
};
const models = {
  openai: "gpt-4o-mini",
  responses: "gpt-5-mini",
  compatible: "gpt-4o-mini",
  ollama: "llama3.2",
  anthropic: "claude-sonnet-4-5",
  google: "gemini-3-pro-preview",
};
const schema = z.object({ city: z.string(), days: z.number().int() });
const weather = tool({
  description: "The weather",
  inputSchema: jsonSchema({ type: "object", properties: { city: { type: "string" } } }),
  execute: async ({ city }) => ({ weather: `18 °C in ${city}` }),
});
const tools = { get_weather: weather, get_time: weather };
const prompt = "get_weather and get_time, then get_weather of Paris";

const cases = {};
for (const [name, make] of Object.entries(makers)) {
  const model = make(KEY)(models[name]);
  const quiet = { model, maxRetries: 0, onError() {} };
  cases[`${name}_plain`] = async () => (await generateText({ ...quiet, prompt: "Hello" })).text;
  cases[`${name}_streaming`] = async () => {
    let text = "";
    for await (const part of streamText({ ...quiet, prompt: "Hello" }).textStream) text += part;
    return text;
  };
  cases[`${name}_tools`] = async () => {
    const answer = await generateText({ ...quiet, prompt, tools, stopWhen: stepCountIs(5) });
    return answer.steps.map((step) => step.toolCalls.map((call) => call.toolName));
  };
  cases[`${name}_tools_streamed`] = async () => {
    const steps = await streamText({ ...quiet, prompt, tools, stopWhen: stepCountIs(5) }).steps;
    return steps.map((step) => step.toolCalls.map((call) => call.toolName));
  };
  cases[`${name}_object`] = async () =>
    (await generateObject({ ...quiet, schema, prompt: "Paris" })).object;
  cases[`${name}_object_streamed`] = async () => {
    let last = null;
    const stream = streamObject({ ...quiet, schema, prompt: "Paris" });
    for await (const part of stream.partialObjectStream) last = part;
    return [last, await stream.object];
  };
  cases[`${name}_image`] = async () => {
    const content = [{ type: "text", text: "What?" }, { type: "image", image: PNG }];
    return (await generateText({ ...quiet, messages: [{ role: "user", content }] })).text;
  };
  cases[`${name}_errors`] = async () => [
    name === "ollama" ||
      (await errorOf(() =>
        generateText({ ...quiet, model: make("wrong-key")(models[name]), prompt: "Hello" }))),
    await errorOf(() => generateText({ ...quiet, model: make(KEY)("no-such-model"), prompt: "Hello" })),
  ];
}
// What is not stored goes along: encrypted reasoning with its calls.
cases.responses_tools_unstored = async () => {
  const model = makers.responses(KEY)(models.responses);
  const providerOptions = { openai: { store: false, reasoningSummary: "auto" } };
  const stopWhen = stepCountIs(5);
  const answer = await generateText({ model, prompt, tools, stopWhen, providerOptions });
  return [answer.steps.map((step) => step.toolCalls.map((call) => call.toolName)), answer.reasoningText];
};
await run(cases);
