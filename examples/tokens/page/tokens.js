// EventSource can't POST, so the stream is read from fetch: lines, and an empty
// line behind each event.
const $ = (id) => document.getElementById(id);
let asking = null; // an AbortController, while an answer comes

async function* events(body) {
  let rest = "";
  for await (const piece of body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + piece).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const event = { type: "message", data: "" };
      for (const line of block.split("\n")) {
        if (line.startsWith("event: ")) event.type = line.slice(7);
        if (line.startsWith("data: ")) event.data += line.slice(6);
      }
      if (event.data) yield event;
    }
  }
}

$("ask").addEventListener("submit", async (submit) => {
  submit.preventDefault();
  if (asking) return asking.abort();
  asking = new AbortController();
  $("go").textContent = "Stop";
  $("answer").textContent = "";
  try {
    const res = await fetch("/answers", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ question: $("question").value }),
      signal: asking.signal,
    });
    if (!res.ok) throw new Error(await res.text());
    let done = false;
    for await (const { type, data } of events(res.body)) {
      if (type === "token") $("answer").textContent += JSON.parse(data).text;
      done ||= type === "done";
    }
    if (!done) throw new Error("the answer was cut");
  } catch (error) {
    $("answer").textContent += error.name === "AbortError" ? " (stopped)" : ` (${error.message})`;
  } finally {
    asking = null;
    $("go").textContent = "Ask";
  }
});
