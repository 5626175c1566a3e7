// The package @google/genai from npm, as it comes out of the box.
import { GoogleGenAI, Type, FunctionCallingConfigMode } from "@google/genai";
import { BASE_URL, KEY, PNG, errorOf, run } from "./cases.mjs";

const clientOf = (apiKey) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: BASE_URL } });
const client = clientOf(KEY);
const model = "gemini-2.5-flash";
const generate = (contents, config, name = model) =>
  client.models.generateContent({ model: name, contents, config });
const declared = ["get_weather", "get_time"].map((name) => ({
  name,
  parameters: { type: Type.OBJECT, properties: { city: { type: Type.STRING } } },
}));
const tools = [{ functionDeclarations: declared }];

async function rounds(name) {
  const contents = [
    { role: "user", parts: [{ text: "get_weather and get_time, then get_weather of Paris" }] },
  ];
  const seen = [];
  for (let round = 0; round < 4; round++) {
    const answer = await generate(contents, { tools }, name);
    const calls = answer.functionCalls ?? [];
    seen.push(calls.map((call) => call.name));
    if (!calls.length) break;
    contents.push(answer.candidates[0].content);
    const parts = calls.map((call) => ({
      functionResponse: { name: call.name, response: { result: "18 °C" } },
    }));
    contents.push({ role: "user", parts });
  }
  return seen;
}

await run({
  async plain() {
    const answer = await generate("Hello", { systemInstruction: "Be brief.", temperature: 0.5 });
    return [answer.text, answer.candidates[0].finishReason];
  },
  async streaming() {
    let text = "";
    for await (const chunk of await client.models.generateContentStream({ model, contents: "Hello" }))
      text += chunk.text ?? "";
    return text;
  },
  async thoughts() {
    const answer = await generate("Hello", { thinkingConfig: { includeThoughts: true } });
    return answer.candidates[0].content.parts.map((part) => Boolean(part.thought));
  },
  tools_in_rounds: () => rounds(model),
  tools_of_gemini_3: () => rounds("gemini-3-pro-preview"),
  async tool_choice() {
    const functionCallingConfig = {
      mode: FunctionCallingConfigMode.ANY, allowedFunctionNames: ["get_time"],
    };
    const answer = await generate("Paris", { tools, toolConfig: { functionCallingConfig } });
    return answer.functionCalls.map((call) => call.name);
  },
  async chat() {
    const chat = client.chats.create({ model });
    await chat.sendMessage({ message: "Hello" });
    return (await chat.sendMessage({ message: "And now?" })).text;
  },
  async schema() {
    const responseSchema = {
      type: Type.OBJECT,
      properties: { city: { type: Type.STRING }, days: { type: Type.INTEGER } },
      propertyOrdering: ["city", "days"],
    };
    const answer = await generate("Paris", { responseMimeType: "application/json", responseSchema });
    return JSON.parse(answer.text);
  },
  async json_schema() {
    const responseJsonSchema = {
      type: "object",
      properties: { city: { type: ["string", "null"] } },
      additionalProperties: false,
    };
    const config = { responseMimeType: "application/json", responseJsonSchema };
    return JSON.parse((await generate("Paris", config)).text);
  },
  async image() {
    const parts = [{ inlineData: { mimeType: "image/png", data: PNG } }, { text: "What?" }];
    return (await generate([{ role: "user", parts }])).text;
  },
  async errors() {
    const wrong = clientOf("wrong-key");
    return [
      await errorOf(() => wrong.models.generateContent({ model, contents: "Hello" })),
      await errorOf(() => generate("Hello", {}, "no-such-model")),
      await errorOf(() => generate("Hello", { responseMimeType: "text/html" })),
    ];
  },
  async models() {
    const listed = [];
    for await (const each of await client.models.list()) listed.push(each.name);
    return [listed.includes(`models/${model}`), (await client.models.get({ model })).name];
  },
  async count_tokens() {
    return (await client.models.countTokens({ model, contents: "Hello there" })).totalTokens;
  },
});
