"""Ready lines that point other programs at the server: what to write, or what to type into which of their fields.

None of them holds the key: programs read it from the variable HEFT_KEY, people paste it where a line says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from desktop.services.serve.api import ModelState
from desktop.system.own_program import heft_command

VARIABLE = "HEFT_KEY"
NO_MODEL = "MODEL"  # stands where there is none yet
_KEY = "$(heft serve key)"
_SET = f"{VARIABLE}={_KEY}"


@dataclass(frozen=True)
class Snippet:
    """What to copy for one program. ``editor``: it is one of the programs that are listed together."""

    name: str
    title: str
    write: Callable[[str, str], str]
    editor: bool = True

    def text(self, address: str, model: str) -> str:
        """The lines, for the server's address (``http://127.0.0.1:8321``) and a model's name, with the command that
        gives the key where this Heft runs.
        """
        return self.write(address, model).replace(_KEY, f"$({heft_command()} serve key)")


def example_model(states: tuple[ModelState, ...]) -> str:
    """The model that the lines name: one that is loaded, else the first that writes text, else any."""
    texts = [found for found in states if found.model.kind.writes_text and not found.too_large]
    ready = [found for found in texts if found.phase in ("ready", "answering")]
    chosen = (*ready, *texts, *states)
    return chosen[0].model.name if chosen else NO_MODEL


def _python(address: str, model: str) -> str:
    return f'''# pip install openai;  export {_SET}
import os
from openai import OpenAI

client = OpenAI(base_url="{address}/v1",
                api_key=os.environ["{VARIABLE}"])
answer = client.chat.completions.create(
    model="{model}",
    messages=[{{"role": "user", "content": "Hello!"}}],
)
print(answer.choices[0].message.content)'''


def _curl(address: str, model: str) -> str:
    return f"""# export {_SET}
curl {address}/v1/chat/completions \\
  -H "Authorization: Bearer ${VARIABLE}" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": "{model}",
       "messages": [{{"role": "user", "content": "Hello!"}}]}}'"""


def _javascript(address: str, model: str) -> str:
    return f"""// npm install openai;  export {_SET}
import OpenAI from "openai";

const client = new OpenAI({{ baseURL: "{address}/v1",
                            apiKey: process.env.{VARIABLE} }});
const answer = await client.chat.completions.create({{
  model: "{model}",
  messages: [{{ role: "user", content: "Hello!" }}],
}});
console.log(answer.choices[0].message.content);"""


def _continue(address: str, model: str) -> str:
    return f"""# ~/.continue/config.yaml, under "models:"
  - name: {model}
    provider: openai
    model: {model}
    apiBase: {address}/v1
    apiKey: (the key, with Copy)
    roles: [chat, edit, apply]"""


def _cline(address: str, model: str) -> str:
    return f"""Cline > Settings > API Configuration
  API Provider:  OpenAI Compatible
  Base URL:      {address}/v1
  API Key:       (the key, with Copy)
  Model ID:      {model}"""


def _aider(address: str, model: str) -> str:
    return f"""export {_SET}
aider --openai-api-base {address}/v1 \\
  --openai-api-key "${VARIABLE}" --model openai/{model}"""


def _open_webui(address: str, model: str) -> str:
    return f"""Open WebUI > Admin Panel > Settings > Connections > OpenAI API > +
  URL:  {address}/v1
  Key:  (the key, with Copy)
Then choose {model} at the top of a chat."""


def _codex(address: str, model: str) -> str:
    return f'''# ~/.codex/config.toml;  export {_SET}
model = "{model}"
model_provider = "heft"

[model_providers.heft]
name = "Heft"
base_url = "{address}/v1"
env_key = "{VARIABLE}"
wire_api = "responses"'''


def _claude_code(address: str, model: str) -> str:
    return f"""export ANTHROPIC_BASE_URL={address}
export ANTHROPIC_AUTH_TOKEN={_KEY}
export ANTHROPIC_MODEL={model}
export ANTHROPIC_SMALL_FAST_MODEL={model}
claude"""


def _ollama(address: str, model: str) -> str:
    return f'''# pip install ollama;  export {_SET}
import os
from ollama import Client

client = Client(host="{address}",
                headers={{"Authorization": "Bearer " + os.environ["{VARIABLE}"]}})
answer = client.chat(model="{model}",
                     messages=[{{"role": "user", "content": "Hello!"}}])
print(answer.message.content)'''


SNIPPETS = (
    Snippet("python", "Python", _python, editor=False),
    Snippet("curl", "curl", _curl, editor=False),
    Snippet("javascript", "JavaScript", _javascript, editor=False),
    Snippet("continue", "Continue", _continue),
    Snippet("cline", "Cline", _cline),
    Snippet("aider", "aider", _aider),
    Snippet("open-webui", "Open WebUI", _open_webui),
    Snippet("codex", "codex", _codex),
    Snippet("claude-code", "claude-code", _claude_code),
    Snippet("ollama", "Ollama clients", _ollama),
)
