"""A small assistant: a conversation with a memory, JSON on request, models, token counts."""

import json

from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam

client = OpenAI()


class Conversation:
    def __init__(self, system: str) -> None:
        self.messages: list[ChatCompletionMessageParam] = [{"role": "system", "content": system}]
        self.tokens = 0

    def ask(self, text: str, **options) -> str:
        self.messages.append({"role": "user", "content": text})
        response = client.chat.completions.create(
            model="gpt-4o-mini", messages=self.messages, temperature=0, **options
        )
        message = response.choices[0].message
        self.messages.append(message)
        self.tokens += response.usage.total_tokens
        return message.content


def main() -> None:
    talk = Conversation("Be brief.")
    print(talk.ask("Hello"))
    print(talk.ask("And again"))
    print(talk.tokens, len(talk.messages))
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    print(talk.ask([{"type": "text", "text": "What is this?"}, image]))
    print(sorted(model.id for model in client.models.list())[:3])
    response = client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": "Say it in JSON"}],
        response_format={"type": "json_object"},
        max_tokens=50,
        user="ann",
    )
    print(json.loads(response.choices[0].message.content))
    print(response.choices[0].model_dump_json(exclude={"message"}))
    print(json.dumps(response.usage.model_dump(exclude_none=True), sort_keys=True))
    print(response.choices[0].message)
    faster = client.with_options(timeout=20, max_retries=0)
    for name in ("gpt-4o", "gpt-4.1"):
        answer = faster.chat.completions.create(
            model=name, messages=[{"role": "user", "content": "Hi"}]
        )
        print(answer.model, answer.choices[0].finish_reason, answer.object)


main()
