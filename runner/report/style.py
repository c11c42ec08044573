"""How a report looks, by day and by night, on a wall and on a phone; and the script that draws."""

from __future__ import annotations

STYLE = """
:root{--paper:#ffffff;--ink:#1f2933;--soft:#64748b;--line:#e2e8f0;--tile:#f8fafc;
color-scheme:light dark}
@media (prefers-color-scheme:dark){:root{--paper:#10151c;--ink:#e5e9f0;--soft:#94a3b8;
--line:#273241;--tile:#18202b}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:960px;margin:0 auto;padding:24px 16px 64px}
h1{font-size:clamp(1.6rem,5vw,2.4rem);line-height:1.15;margin:.1em 0 .5em}
h2{font-size:1.15rem;margin:2.2em 0 .1em}
.kicker,section>p,small,dt{color:var(--soft)}
.kicker{margin:0;overflow-wrap:anywhere}
section>p{margin:.1em 0 .6em}
.summary p{color:var(--ink);margin:.25em 0;max-width:44em}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(156px,1fr));gap:8px;
margin:24px 0}
.tiles div{background:var(--tile);border:1px solid var(--line);border-radius:8px;padding:10px 12px}
.tiles span{display:block;color:var(--soft);font-size:.8rem}
.tiles strong{font-size:1.15rem;font-variant-numeric:tabular-nums}
.plot{width:100%;min-height:260px}
table{width:100%;border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:6px 4px;border-bottom:1px solid var(--line);vertical-align:top}
th:first-child,td:first-child{text-align:left;overflow-wrap:anywhere}
td small{display:block}
ul{padding-left:1.2em;max-width:46em}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 16px;font-size:.85rem}
dd{margin:0;overflow-wrap:anywhere}
"""

DRAW = """
const charts=JSON.parse(document.getElementById('charts').textContent);
const night=matchMedia('(prefers-color-scheme: dark)');
const colour=name=>getComputedStyle(document.documentElement).getPropertyValue(name).trim();
function draw(){
  const ink=colour('--ink'),line=colour('--line');
  for(const chart of charts){
    const axis={gridcolor:line,zerolinecolor:line,linecolor:line};
    const layout={...chart.layout,paper_bgcolor:'rgba(0,0,0,0)',plot_bgcolor:'rgba(0,0,0,0)',
      font:{color:ink,size:12},xaxis:{...chart.layout.xaxis,...axis},
      yaxis:{...chart.layout.yaxis,...axis}};
    Plotly.react(chart.id,chart.data,layout,{responsive:true,displayModeBar:false});
  }
}
night.addEventListener('change',draw);draw();
"""
