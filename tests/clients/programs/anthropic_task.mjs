// @anthropic-ai/sdk: a stream, a tool with its result, tokens counted, an error.
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ baseURL: process.env.HEFT_URL, apiKey: process.env.HEFT_KEY, maxRetries: 0 });
const model = process.env.HEFT_MODEL;
const input_schema = { type: "object", properties: { location: { type: "string" } }, required: ["location"] };
const tools = [{ name: "get_weather", description: "The weather of a place", input_schema }];
const asked = [{ role: "user", content: "What is the weather in Paris?" }];

const first = await client.messages.stream({ model, max_tokens: 200, messages: asked, tools }).finalMessage();
const used = first.content.find((block) => block.type === "tool_use");
const result = { type: "tool_result", tool_use_id: used.id, content: "15 degrees" };
const messages = [...asked, { role: "assistant", content: first.content }, { role: "user", content: [result] }];
const second = await client.messages.create({ model, max_tokens: 200, messages, tools });
const counted = await client.messages.countTokens({ model, messages: asked });
let missing = 0;
await client.messages.create({ model: "claude", max_tokens: 5, messages: asked }).catch((error) => { missing = error.status; });
console.log(JSON.stringify({ input: used.input, told: second.content[0].text, tokens: counted.input_tokens, missing }));
