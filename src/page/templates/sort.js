"use strict";
document.documentElement.classList.add("scripted");
document.querySelectorAll(".sortable table").forEach(function (table) {
  var body = table.tBodies[0];
  var heads = Array.from(table.tHead.rows[0].cells);
  heads.forEach(function (head, column) {
    var isNumber = head.classList.contains("number");
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.textContent = "";
    head.appendChild(button);
    button.addEventListener("click", function () {
      var first = isNumber ? "descending" : "ascending";
      var second = isNumber ? "ascending" : "descending";
      var way = head.getAttribute("aria-sort") === first ? second : first;
      heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", way);
      var sign = way === "ascending" ? 1 : -1;
      var rows = Array.from(body.rows);
      rows.sort(function (a, b) {
        var x = a.cells[column];
        var y = b.cells[column];
        var keyed = x.hasAttribute("data-key") ? y.hasAttribute("data-key") : false;
        if (keyed) {
          return sign * (Number(x.getAttribute("data-key")) - Number(y.getAttribute("data-key")));
        }
        return sign * x.textContent.localeCompare(y.textContent);
      });
      rows.forEach(function (row) { body.appendChild(row); });
    });
  });
});
