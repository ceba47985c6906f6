// What changes something asks first, and shows the token of [admin]. It is kept by this page alone,
// for as long as it is open.
const meanings = {
  pause: "It stops at the end of its batches; its records wait in Kafka until it is resumed, or the daemon starts anew.",
  resume: "It goes on where it stopped.",
  restart: "It stops at the end of its batches, and is built anew.",
  "retry-dead-letters": "Its open dead letters are offered to it again; those that become rows now do so exactly once.",
};
let asked = null;

function askFor(action, key) {
  asked = { action, key };
  const words = action.replaceAll("-", " ");
  $("ask-what").textContent = action.includes("-") ? `${words} of ${key}?` : `${words} ${key}?`;
  $("ask-why").textContent = meanings[action];
  $("ask-do").textContent = words;
  $("ask-wrong").textContent = "";
  $("ask").showModal();
}

$("ask-cancel").addEventListener("click", () => $("ask").close());
$("ask-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("ask-do").disabled = true;
  try {
    const response = await fetch(`pipelines/${asked.key}/${asked.action}`,
      { method: "POST", headers: { Authorization: `Bearer ${$("token").value}` } });
    if (!response.ok) throw new Error((await response.json()).detail);
    $("ask").close();
    poll();
  } catch (error) {
    $("ask-wrong").textContent = error.message;
    $("token").focus();
  }
  $("ask-do").disabled = false;
});
