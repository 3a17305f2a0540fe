// Without imports, so that it is a module where Odoo has them and a plain script in 14.0.
function sayWhen() {
    for (const place of document.querySelectorAll(".acme_hours")) {
        place.textContent = "We answer from nine to five.";
    }
}

// Odoo loads its scripts when the page is there, or before.
if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", sayWhen);
} else {
    sayWhen();
}
