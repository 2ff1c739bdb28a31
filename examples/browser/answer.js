/** What is heard, in large letters and as a bar for each class. */

const $ = (id) => document.getElementById(id);

/** Make a bar for each class of a listener. */
export function setBars({ classes }) {
  const longest = Math.max(...classes.map(({ length }) => length));
  $("bars").replaceChildren(...classes.map(bar));
  $("bars").classList.toggle("many", classes.length > 14);
  $("bars").style.setProperty("--column", `${Math.max(9, 5 + 0.6 * longest)}rem`);
}

function bar(name) {
  const item = document.createElement("li");
  item.innerHTML = "<span></span><b></b><i></i>";
  item.firstChild.textContent = name;
  return item;
}

/** Say in large letters what is heard. */
export function say(listener, probabilities) {
  const parts = listener.held(probabilities).flatMap((k) => {
    const share = document.createElement("span");
    share.textContent = ` ${percent(probabilities[k])} `;
    return [listener.classes[k], share];
  });
  $("answer").replaceChildren(...(parts.length ? parts : ["none of the labels"]));
}

/** Show the probability of each class, and of which moment it is. */
export function show(listener, probabilities, moment) {
  $("moment").textContent = moment;
  const held = listener.held(probabilities);
  [...$("bars").children].forEach((item, k) => {
    item.classList.toggle("held", held.includes(k));
    item.style.setProperty("--p", probabilities[k]);
    item.children[1].textContent = percent(probabilities[k]);
  });
}

const percent = (p) => `${(100 * p).toFixed(1)} %`;
