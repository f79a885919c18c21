// ollama for JavaScript: lists, a stream, a tool with its result.
import { Ollama } from "ollama";

const headers = { Authorization: `Bearer ${process.env.HEFT_KEY}` };
const client = new Ollama({ host: process.env.HEFT_URL, headers });
const model = process.env.HEFT_MODEL;
const parameters = { type: "object", properties: { location: { type: "string" } }, required: ["location"] };
const tools = [{ type: "function", function: { name: "get_weather", description: "The weather of a place", parameters } }];
const asked = [{ role: "user", content: "What is the weather in Paris?" }];

const listed = (await client.list()).models.map((entry) => entry.model);
const first = await client.chat({ model, messages: asked, tools });
const result = { role: "tool", tool_name: "get_weather", content: "15 degrees" };
let told = "";
const stream = await client.chat({ model, messages: [...asked, first.message, result], tools, stream: true });
for await (const part of stream) told += part.message.content;
console.log(JSON.stringify({ listed, args: first.message.tool_calls[0].function.arguments, told }));
