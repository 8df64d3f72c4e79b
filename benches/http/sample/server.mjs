// A stand-in for Zoom's Cobrowse auth endpoint sample, written anew after its README and its answers, with the libraries
// it names: Express 4 with its JSON parser and cors, a list of checks, and a token signed by jsrsasign.

import cors from "cors";
import express from "express";
import { KJUR } from "jsrsasign";

const [port, sdkKey, sdkSecret] = process.argv.slice(2);

const isText = (value) => typeof value === "string" || `Value ${value} not allowed, must be of type string`;
const isShort = (value) => value.length <= 35 || `Value exceed max length. Got ${value.length}, expected at most 35`;
const isRole = (value) => [1, 2].includes(value) || `Value is not valid. Got ${value}, expected 1,2`;
const isLife = (value) => (value >= 1800 && value <= 172800) || "Value must in between 1800 and 172800";
const checks = { role: [isRole], userId: [isText, isShort], userName: [isText, isShort], expirationSeconds: [isLife] };

function mistakes(body) {
  const errors = [];
  for (const [property, all] of Object.entries(checks)) {
    if (body[property] === undefined && property !== "role") continue;
    const reason = all.map((check) => check(body[property])).find((said) => said !== true);
    if (reason) errors.push({ property, reason });
  }
  return errors;
}

const app = express();
app.use(express.json(), cors());
app.options("*", cors());
app.post("/", (request, response) => {
  const errors = mistakes(request.body);
  if (errors.length > 0) return response.status(400).json({ errors });
  const { role, expirationSeconds = 7200, userId = Math.random().toString(36).slice(2), userName = userId } = request.body;
  const iat = Math.floor(Date.now() / 1000);
  const header = JSON.stringify({ alg: "HS256", typ: "JWT" });
  const who = { app_key: sdkKey, role_type: role, user_id: userId, user_name: userName };
  const payload = JSON.stringify({ ...who, iat, exp: iat + expirationSeconds });
  return response.json({ token: KJUR.jws.JWS.sign("HS256", header, payload, sdkSecret) });
});
app.listen(Number(port), "127.0.0.1");
