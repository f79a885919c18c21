// openai for JavaScript: a stream, a tool with its result, Responses.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: `${process.env.HEFT_URL}/v1`, apiKey: process.env.HEFT_KEY, maxRetries: 0 });
const model = process.env.HEFT_MODEL;
const parameters = { type: "object", properties: { location: { type: "string" } }, required: ["location"] };
const tool = { name: "get_weather", description: "The weather of a place", parameters };
const asked = [{ role: "user", content: "What is the weather in Paris?" }];

const first = await client.chat.completions.create({ model, messages: asked, tools: [{ type: "function", function: tool }] });
const call = first.choices[0].message.tool_calls[0];
const messages = [...asked, first.choices[0].message, { role: "tool", tool_call_id: call.id, content: "15 degrees" }];
let streamed = "";
const stream = await client.chat.completions.create({
  model, messages, tools: [{ type: "function", function: tool }], stream: true,
});
for await (const chunk of stream) streamed += chunk.choices[0]?.delta?.content ?? "";

const response = await client.responses.create({ model, input: asked, tools: [{ type: "function", ...tool, strict: true }] });
const used = response.output.find((item) => item.type === "function_call");
const output = { type: "function_call_output", call_id: used.call_id, output: "15 degrees" };
let told = "";
const events = await client.responses.create({
  model, previous_response_id: response.id, input: [output], tools: [{ type: "function", ...tool, strict: true }], stream: true,
});
for await (const event of events) if (event.type === "response.output_text.delta") told += event.delta;
let missing = 0;
await client.chat.completions.create({ model: "gpt-5", messages: asked }).catch((error) => { missing = error.status; });
console.log(JSON.stringify({ args: JSON.parse(call.function.arguments), streamed, told, missing }));
