// Chromium, driven by playwright-core. eval runs a function in the page, as a
// test of a WebSocket needs; the rest is what a person does.

import { emit, load, obey } from "./lines.mjs";

const { chromium } = load("playwright-core");

const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
];

let browser;
let page;

const table = {
  // open goes to a URL in a fresh profile. Certificates are not checked:
  // Chromium trusts none that a test could make. CSP binds the page only, not
  // the functions that the test runs in it.
  async open({ url, width = 1280, height = 800, dark = false, phone = false }) {
    browser ??= await chromium.launch({
      executablePath: process.env.PUSHWIRE_CHROMIUM,
      args: FLAGS,
      headless: true,
    });
    await page?.context().close(); // and with it the profile
    const context = await browser.newContext({
      ignoreHTTPSErrors: true,
      viewport: { width, height },
      colorScheme: dark ? "dark" : "light",
      deviceScaleFactor: phone ? 2 : 1,
      isMobile: phone,
      hasTouch: phone,
    });
    page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.on("console", (message) => {
      if (message.type() === "error") emit("console", { message: message.text() });
    });
    page.on("pageerror", (err) => emit("console", { message: String(err) }));
    const response = await page.goto(url);
    emit("opened", { code: response.status(), headers: response.headers() });
  },
  // eval calls the function written in text with arg, and waits if it returns
  // a promise.
  async eval({ text, arg }) {
    const result = await page.evaluate(({ text, arg }) => (0, eval)(`(${text})`)(arg), { text, arg });
    emit("result", { result: result ?? null });
  },
  async type({ selector, text }) {
    await page.fill(selector, text);
    emit("done");
  },
  async press({ key }) {
    await page.keyboard.press(key);
    emit("done");
  },
  async click({ selector }) {
    await page.click(selector);
    emit("done");
  },
  async choose({ selector, path }) {
    await page.setInputFiles(selector, path);
    emit("done");
  },
  // wait waits until the element's text has text in it, and tells the whole.
  async wait({ selector, text }) {
    const found = page.locator(selector).filter({ hasText: text }).last();
    await found.waitFor();
    emit("result", { result: await found.innerText() });
  },
  async shot({ path }) {
    await page.screenshot({ path, fullPage: true });
    emit("done");
  },
};

obey(table, () => browser?.close());
