import { render } from "preact";

render(<h1>chatkeep</h1>, document.getElementById("page") as HTMLElement);
