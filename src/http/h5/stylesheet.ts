/**
 * The look of all pages, light and dark. Severity colours are Flashduty's own; as text they are darkened (or lightened
 * in the dark) until they can be read, and no state is told by colour alone.
 */
export const STYLESHEET = `
:root{
  color-scheme:light dark;
  --ground:#f2f4f7;--paper:#fff;--raised:#fff;--line:#e3e6eb;--ink:#171a1d;--soft:#5a626d;--faint:#f6f7f9;
  --accent:#0a66e4;--accent-ink:#fff;--accent-soft:#e8f1fe;--focus:#0a66e4;
  --critical:#c80000;--critical-ink:#b00000;--critical-soft:#fdecec;
  --warning:#fa7d00;--warning-ink:#8a4500;--warning-soft:#fff1e2;
  --info:#fabe00;--info-ink:#6b5200;--info-soft:#fff7d6;
  --ok:#080;--ok-ink:#006b00;--ok-soft:#e6f5e6;
  --shadow:0 1px 2px rgba(23,26,29,.06),0 4px 16px rgba(23,26,29,.04);
  --radius:12px;--gap:12px
}
@media (prefers-color-scheme:dark){:root{
  --ground:#101215;--paper:#1a1d21;--raised:#22262b;--line:#31363d;--ink:#e9ebee;--soft:#a3abb6;--faint:#20242a;
  --accent:#5aa2ff;--accent-ink:#07182e;--accent-soft:#162a45;--focus:#8cbfff;
  --critical:#e5484d;--critical-ink:#ff9592;--critical-soft:#3b1618;
  --warning:#fa7d00;--warning-ink:#ffb366;--warning-soft:#3a2408;
  --info:#fabe00;--info-ink:#ffdb6b;--info-soft:#352b08;
  --ok:#30a46c;--ok-ink:#7fdca4;--ok-soft:#11301f;
  --shadow:0 1px 2px rgba(0,0,0,.4)
}}
*,*::before,*::after{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;min-height:100vh;background:var(--ground);color:var(--ink);
  font:16px/1.5 -apple-system,BlinkMacSystemFont,"PingFang SC","Noto Sans SC","Microsoft YaHei","Segoe UI",Roboto,sans-serif;
  overflow-wrap:anywhere}
h1,h2,h3,p,ul,ol,dl,dd,figure{margin:0;padding:0}
ul,ol{list-style:none}
a{color:var(--accent);text-decoration:none}
a:hover{text-decoration:underline}
:focus-visible{outline:3px solid var(--focus);outline-offset:2px;border-radius:6px}
bdi,.text{unicode-bidi:isolate}
[hidden]{display:none!important}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.skip{position:absolute;left:8px;top:-60px;z-index:30;padding:12px 16px;background:var(--raised);border-radius:8px}
.skip:focus{top:8px}

.bar{position:sticky;top:0;z-index:20;display:flex;align-items:center;gap:8px;min-height:52px;padding:4px 12px 4px 16px;
  padding-left:max(16px,env(safe-area-inset-left));background:var(--paper);border-bottom:1px solid var(--line)}
.bar .mark{flex:none;width:10px;height:22px;border-radius:3px;background:linear-gradient(var(--critical) 0 33%,var(--warning) 33% 66%,var(--info) 66%)}
.bar .name{flex:1;min-width:0;font-weight:600;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.bar a.back{display:inline-flex;align-items:center;min-height:44px;min-width:44px;margin-left:-12px;padding:0 12px;font-size:15px}

.menu{position:relative}
.menu>summary{display:flex;align-items:center;gap:6px;min-height:44px;padding:0 8px;border-radius:8px;cursor:pointer;list-style:none}
.menu>summary::-webkit-details-marker{display:none}
.menu>summary:hover{background:var(--faint)}
.menu>summary::after{content:"";width:7px;height:7px;margin-top:-4px;border:solid var(--soft);border-width:0 1.5px 1.5px 0;transform:rotate(45deg)}
.menu .who{max-width:9em;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;font-size:14px;color:var(--soft)}
.avatar{flex:none;display:grid;place-items:center;width:30px;height:30px;border-radius:50%;background:var(--accent-soft);color:var(--accent);font-size:14px;font-weight:600}
.menu .sheet{position:absolute;right:0;top:calc(100% + 6px);width:min(19rem,calc(100vw - 24px));padding:8px;background:var(--raised);
  border:1px solid var(--line);border-radius:var(--radius);box-shadow:0 8px 32px rgba(0,0,0,.18)}
.menu .sheet .me{padding:8px 12px 12px;border-bottom:1px solid var(--line);margin-bottom:6px;font-size:14px;color:var(--soft)}
.menu .sheet .me strong{display:block;color:var(--ink);font-size:16px}
.menu .sheet a,.menu .sheet button{display:flex;align-items:center;width:100%;min-height:44px;padding:0 12px;border:0;border-radius:8px;
  background:none;color:var(--ink);font:inherit;text-align:left;cursor:pointer}
.menu .sheet a:hover,.menu .sheet button:hover{background:var(--faint);text-decoration:none}
.menu .sheet .quit{color:var(--critical-ink)}

main{display:flex;flex-direction:column;gap:var(--gap);max-width:44rem;margin:0 auto;padding:16px 12px calc(40px + env(safe-area-inset-bottom))}
main:focus{outline:0}
.side,.detail{display:flex;flex-direction:column;gap:var(--gap);min-width:0}
.head{display:flex;flex-wrap:wrap;align-items:baseline;gap:4px 12px;padding:4px 4px 0}
.head h1{font-size:22px;line-height:1.3;font-weight:650}
.head .count{color:var(--soft);font-size:14px}
.asof{padding:0 4px;color:var(--soft);font-size:13px}
.panel{padding:16px;background:var(--paper);border-radius:var(--radius);box-shadow:var(--shadow)}
.panel>h2{margin-bottom:10px;font-size:16px;font-weight:600}
.panel>*+p{margin-top:8px}
.panel form>.buttons{margin-top:12px}
.soft{color:var(--soft);font-size:14px}
.empty{padding:36px 20px;text-align:center}
.empty .sign{display:block;width:44px;height:44px;margin:0 auto 12px;border-radius:50%;background:var(--ok-soft)}
.empty .sign::after{content:"";display:block;width:9px;height:18px;margin:auto;transform:translateY(10px) rotate(45deg);border:solid var(--ok-ink);border-width:0 3px 3px 0}
.empty .sign.ask{background:var(--info-soft)}
.empty .sign.ask::after{content:"!";width:auto;height:auto;transform:none;border:0;font:700 26px/44px sans-serif;color:var(--info-ink)}
.empty h2,.empty h1{font-size:18px;font-weight:600}
.empty p{max-width:26em;margin:6px auto 0;color:var(--soft);text-wrap:balance}
.empty .buttons{justify-content:center;margin-top:18px}

.note{display:flex;gap:10px;padding:12px 16px;border-radius:var(--radius);border-left:4px solid var(--accent);background:var(--accent-soft)}
.note.done{border-color:var(--ok);background:var(--ok-soft)}
.note.failed{border-color:var(--critical);background:var(--critical-soft)}
.note.ask{border-color:var(--info);background:var(--info-soft)}
.note:focus{outline:0}
.note>div,.note>form{flex:1;min-width:0}
.note strong{font-weight:600}
.note .buttons{margin-top:10px}

.incident{position:relative;padding:14px 16px 14px 20px;background:var(--paper);border-radius:var(--radius);box-shadow:var(--shadow);overflow:clip}
.incident::before{content:"";position:absolute;left:0;top:0;bottom:0;width:5px;background:var(--tone)}
.Critical{--tone:var(--critical);--tone-ink:var(--critical-ink);--tone-soft:var(--critical-soft)}
.Warning{--tone:var(--warning);--tone-ink:var(--warning-ink);--tone-soft:var(--warning-soft)}
.Info{--tone:var(--info);--tone-ink:var(--info-ink);--tone-soft:var(--info-soft)}
.Ok{--tone:var(--ok);--tone-ink:var(--ok-ink);--tone-soft:var(--ok-soft)}
.incidents>li+li{margin-top:var(--gap)}
.tags{display:flex;flex-wrap:wrap;align-items:center;gap:6px;font-size:13px}
.tag{padding:1px 8px;border-radius:6px;background:var(--faint);color:var(--soft);font-weight:500;line-height:22px}
.tag.severity{background:var(--tone-soft);color:var(--tone-ink)}
.tag.open{background:var(--accent-soft);color:var(--accent)}
.tags time,.tags .since{margin-left:auto;color:var(--soft)}
.incident h1,.incident h2,.incident h3{margin-top:6px;font-size:17px;line-height:1.4;font-weight:600}
.incident h1,.detail .incident h2{font-size:20px}
.incident h3 a{color:inherit}
.incident h3 a::after{content:"";position:absolute;inset:0}
.incident .num{color:var(--soft);font-weight:500;font-variant-numeric:tabular-nums}
.incident .about{margin-top:4px;color:var(--soft);font-size:14px}
.incident .last{margin-top:2px;color:var(--soft);font-size:13px}
.incident .buttons{position:relative;margin-top:12px}
.clamp{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:3;overflow:hidden}

.buttons{display:flex;flex-wrap:wrap;gap:8px}
.button{display:inline-flex;align-items:center;justify-content:center;min-height:44px;min-width:64px;padding:6px 16px;border:1px solid var(--line);border-radius:10px;
  background:var(--raised);color:var(--ink);font-family:inherit;font-size:15px;font-weight:500;line-height:1.3;cursor:pointer;touch-action:manipulation;-webkit-tap-highlight-color:transparent}
.button:hover{background:var(--faint);text-decoration:none}
.button:active{transform:translateY(1px)}
.button.first{border-color:var(--accent);background:var(--accent);color:var(--accent-ink)}
.button.first:hover{filter:brightness(1.06)}
.button[aria-disabled=true]{opacity:.55;cursor:default}
.button.plain{border-color:transparent;background:none;color:var(--accent)}
.more{position:static}
.reopen{margin-top:12px}
.more>summary{list-style:none}
.more>summary::-webkit-details-marker{display:none}
.more[open]{flex-basis:100%}
.more[open]>summary{display:none}
.more .buttons{margin-top:0}

.facts{display:grid;grid-template-columns:max-content 1fr;gap:8px 16px;font-size:15px}
.facts dt{color:var(--soft)}
.facts dd{min-width:0}
.facts.labels dt{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:13px;line-height:24px}
.people>li{display:inline}
.people>li+li::before{content:"、"}
.people .ack{color:var(--ok-ink)}
.markdown{font-size:15px;line-height:1.65}
.markdown ul,.markdown ol{padding-left:1.4em}
.markdown ul{list-style:disc}
.markdown ol{list-style:decimal}
.markdown h1,.markdown h2,.markdown h3,.markdown h4,.markdown h5,.markdown h6{font-size:16px;font-weight:600}
.markdown code,.markdown pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:13px;background:var(--faint);border-radius:6px}
.markdown code{padding:1px 5px}
.markdown pre{padding:10px 12px;overflow-x:auto;overflow-wrap:normal}
.markdown pre code{padding:0;background:none}
.markdown blockquote{padding-left:12px;border-left:3px solid var(--line);color:var(--soft)}
.markdown table{border-collapse:collapse;display:block;overflow-x:auto}
.markdown th,.markdown td{padding:4px 10px;border:1px solid var(--line);text-align:left}
.markdown hr{border:0;border-top:1px solid var(--line)}
.markdown>*{margin:0}
.markdown>*+*{margin-top:10px}

.timeline{position:relative}
.timeline>li{position:relative;padding:0 0 16px 22px}
.timeline>li:last-child{padding-bottom:0}
.timeline>li::before{content:"";position:absolute;left:3px;top:8px;width:9px;height:9px;border-radius:50%;background:var(--line)}
.timeline>li.act::before{background:var(--accent)}
.timeline>li.bad::before{background:var(--critical)}
.timeline>li:not(:last-child)::after{content:"";position:absolute;left:7px;top:20px;bottom:-6px;width:1px;background:var(--line)}
.timeline time{display:block;color:var(--soft);font-size:13px;font-variant-numeric:tabular-nums}
.timeline .said{margin-top:2px;color:var(--soft);font-size:14px}

.rows>li{padding:12px 0;border-top:1px solid var(--line)}
.rows>li:first-child{border-top:0;padding-top:0}
.rows>li:last-child{padding-bottom:0}
.rows .top{display:flex;flex-wrap:wrap;align-items:baseline;gap:4px 10px}
.rows .top time{margin-left:auto;color:var(--soft);font-size:13px;font-variant-numeric:tabular-nums}
.rows .how{font-weight:500}
.rows .todo{margin-top:4px;font-size:14px;color:var(--soft)}
.field{display:block;width:100%;min-height:80px;margin:6px 0 10px;padding:10px 12px;border:1px solid var(--soft);border-radius:10px;background:var(--raised);color:inherit;font:inherit;resize:vertical}
.field.line{min-height:46px}
label{font-weight:500}
.all{margin:8px 0 -8px -16px}
strong.good{color:var(--ok-ink)}
strong.bad{color:var(--critical-ink)}
.names{display:flex;flex-wrap:wrap;gap:6px;margin-top:10px}
.names li{padding:3px 10px;border-radius:14px;background:var(--faint);font-size:14px}

.letter main{display:block;max-width:32rem;min-height:100vh;padding:32px 20px;background:var(--paper)}
.letter h1{margin-bottom:12px;font-size:22px;line-height:1.3}
.letter h2{margin:28px 0 8px;font-size:16px}
.letter p{margin:10px 0}
.letter form{margin:14px 0}
.letter label{display:block;margin-bottom:6px}
.letter .hint{color:var(--soft);font-size:14px}
.letter .trouble{padding:12px 16px;border-left:4px solid var(--critical);border-radius:var(--radius);background:var(--critical-soft)}
.letter input{width:100%;min-height:46px;padding:10px 12px;border:1px solid var(--soft);border-radius:10px;background:var(--raised);color:inherit;font:inherit}
.letter button,.letter .button{display:inline-flex;align-items:center;justify-content:center;min-height:44px;padding:8px 20px;border:1px solid var(--accent);border-radius:10px;
  background:var(--accent);color:var(--accent-ink);font:inherit;font-weight:500;cursor:pointer}
.letter button:hover,.letter .button:hover{filter:brightness(1.06);text-decoration:none}
.letter .quiet,.letter .button.quiet{border-color:var(--line);background:var(--raised);color:var(--ink)}
@media (min-width:40rem){.letter main{min-height:0;margin:48px auto;border-radius:var(--radius);box-shadow:var(--shadow)}}
@media (min-width:900px){
  .wide main{max-width:84rem;display:grid;grid-template-columns:minmax(20rem,26rem) minmax(0,1fr);gap:var(--gap) 20px;padding:20px 24px 48px;align-items:start}
  .wide main>.note{grid-column:1/-1}
  .wide main>.side{grid-column:1}
  .wide main>.detail{grid-column:2;position:sticky;top:72px}
  .wide .incident[aria-current=true]{outline:2px solid var(--accent);outline-offset:-2px}
}
@media (max-width:899.98px){.wide .detail:not(.chosen){display:none}.wide:has(.chosen) .side{display:none}}
@media (max-width:380px){.facts{grid-template-columns:1fr;gap:2px}.facts dd{margin-bottom:8px}.button{flex:1 1 auto}}
@media (hover:hover){.incident:has(h3 a:hover){box-shadow:0 2px 4px rgba(23,26,29,.08),0 8px 24px rgba(23,26,29,.08)}}
@media (prefers-reduced-motion:no-preference){.button{transition:background-color .12s,filter .12s}.busy .note.working::before{animation:turn 1s linear infinite}}
.note.working::before{content:"";flex:none;width:18px;height:18px;margin-top:3px;border:2px solid var(--accent);border-right-color:transparent;border-radius:50%}
@media (prefers-reduced-motion:no-preference){.note.working::before{animation:turn 1s linear infinite}}
@keyframes turn{to{transform:rotate(1turn)}}
@media (forced-colors:active){.incident::before,.timeline>li::before{forced-color-adjust:none}.button{border-color:ButtonText}}
@media print{.bar,.buttons,.skip{display:none}.panel,.incident{box-shadow:none;border:1px solid #ccc}}
`
