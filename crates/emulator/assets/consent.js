// The right half of the consent page: the same diagram, growing while the reader decides.
import { byId } from "./dom.js";
import { Diagram } from "./diagram.js";
import { follow } from "./live.js";
import { wireTheme } from "./theme-button.js";

const diagram = new Diagram();

wireTheme();
follow({
  online: (online) => (byId("offline").hidden = online),
  snapshot({ state, steps }) {
    diagram.name(state.app);
    diagram.replaceAll(steps);
  },
  step: (step) => diagram.put(step),
});
