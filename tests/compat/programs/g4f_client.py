"""A chat with memory by g4f's client, whole and streamed."""

import os

from g4f.client import Client
from g4f.Provider import Custom

client = Client(provider=Custom, base_url=os.environ["CHAT_URL"], api_key=os.environ["CHAT_KEY"])


class Conversation:
    def __init__(self):
        self.history = [{"role": "system", "content": "You are a helpful assistant."}]

    def ask(self, text):
        self.history.append({"role": "user", "content": text})
        response = client.chat.completions.create(model="gpt-4o", messages=self.history)
        answer = response.choices[0].message.content
        self.history.append({"role": "assistant", "content": answer})
        return answer, response.choices[0].finish_reason


talk = Conversation()
print(talk.ask("Hello"))
print(talk.ask("And again"))
stream = client.chat.completions.create(
    messages=[{"role": "user", "content": "Say this is a test"}],
    model="gpt-4o",
    stream=True,
    web_search=False,
)
for chunk in stream:
    if chunk.choices[0].delta.content:
        print(chunk.choices[0].delta.content or "", end="|")
    if chunk.choices[0].finish_reason:
        print(chunk.choices[0].finish_reason, chunk.usage.total_tokens)
for chunk in client.chat.completions.stream("Hello", "gpt-4o-mini"):
    print(chunk.choices[0].delta.content, end=" ")
print()
