// The only script of the sign-in pages: asks the browser for a passkey and hands over what it gives.
const button = document.querySelector('button[data-options]');
const said = document.querySelector('[role=status]');

async function post(url, body) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.detail ?? `the server answered ${answer.status}`);
  return value;
}

async function use() {
  const { options: optionsUrl, answer: answerUrl, kind } = button.dataset;
  const { id, options } = await post(optionsUrl, {});
  const credential =
    kind === 'enrol'
      ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
      : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
  const { next, codes } = await post(answerUrl, { id, response: credential.toJSON() });
  if (!codes) return location.assign(next);
  document.querySelector('#codes').textContent = codes.join('\n');
  document.querySelector('#after').hidden = false;
  button.hidden = true;
  said.textContent = 'The passkey is enrolled.';
}

button?.addEventListener('click', async () => {
  button.disabled = true;
  said.textContent = 'Waiting for the passkey …';
  try {
    await use();
  } catch (error) {
    said.textContent = `That did not work: ${error.message}`;
    button.disabled = false;
  }
});
