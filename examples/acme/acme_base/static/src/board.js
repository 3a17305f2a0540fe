import { Component } from "@odoo/owl";
import { registry } from "@web/core/registry";

class Board extends Component {
    static template = "acme_base.Board";
    static props = {};
}

registry.category("public_components").add("acme_base.board", Board);
