// Passkeys: the browser is asked what the page says, and its answer goes with the form.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-passkey-create], form[data-passkey-get]");
  if (!form || form.elements.passkey.value) return;
  event.preventDefault();
  const problem = form.querySelector("[data-passkey-problem]");
  try {
    const credential = form.dataset.passkeyCreate
      ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(JSON.parse(form.dataset.passkeyCreate)) })
      : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(JSON.parse(form.dataset.passkeyGet)) });
    form.elements.passkey.value = JSON.stringify(credential.toJSON());
    form.submit();
  } catch (error) {
    problem.hidden = false;
  }
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});
