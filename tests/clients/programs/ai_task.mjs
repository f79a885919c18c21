// The ai SDK with @ai-sdk/openai-compatible: a tool that is run, whole and streamed.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";

const provider = createOpenAICompatible({ name: "heft", baseURL: `${process.env.HEFT_URL}/v1`, apiKey: process.env.HEFT_KEY });
const model = provider(process.env.HEFT_MODEL);
const places = [];
const parameters = { type: "object", properties: { location: { type: "string" } }, required: ["location"] };
const tools = {
  get_weather: tool({
    description: "The weather of a place",
    inputSchema: jsonSchema(parameters),
    execute: async ({ location }) => { places.push(location); return "15 degrees"; },
  }),
};
const asked = { model, tools, stopWhen: stepCountIs(3), prompt: "What is the weather in Paris?" };
const whole = await generateText(asked);
const stream = streamText(asked);
let streamed = "";
for await (const text of stream.textStream) streamed += text;
console.log(JSON.stringify({ told: whole.text, streamed, places }));
