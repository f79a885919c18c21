// Typed text is text: a control token's name in what somebody wrote is read letter by letter, never as the token.
//
// Heft sends such a name as a mark: U+E0F0, the key of HEFT_MARK_KEY, ".", the name's bytes in hexadecimal, U+E0F1. The
// server's common_tokenize is this function (engine.cmake). The stretch between two control tokens that holds a mark is
// read without control tokens; every other stretch, and every text without a mark, gives the tokens that llama.cpp
// makes of it.

#include "common.h"
#include "llama.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

static const char * OPENS  = "\xee\x83\xb0"; // U+E0F0
static const char * CLOSES = "\xee\x83\xb1"; // U+E0F1

struct special {
    std::string text;
    bool        defined      = false; // llama.cpp reads it in any text, asked to or not
    bool        strips_left  = false;
    bool        strips_right = false;
};

// By first byte, longest first: as llama.cpp looks for them.
static std::map<char, std::vector<special>> specials_of(const llama_vocab * vocab) {
    std::map<char, std::vector<special>> found;
    for (llama_token id = 0; id < llama_vocab_n_tokens(vocab); ++id) {
        const int attr = llama_vocab_get_attr(vocab, id);
        if ((attr & (LLAMA_TOKEN_ATTR_UNKNOWN | LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_USER_DEFINED)) == 0) {
            continue;
        }
        special one;
        one.text         = llama_vocab_get_text(vocab, id);
        one.defined      = (attr & (LLAMA_TOKEN_ATTR_UNKNOWN | LLAMA_TOKEN_ATTR_CONTROL)) == 0;
        one.strips_left  = (attr & LLAMA_TOKEN_ATTR_LSTRIP) != 0;
        one.strips_right = (attr & LLAMA_TOKEN_ATTR_RSTRIP) != 0;
        if (!one.text.empty()) {
            found[one.text[0]].push_back(one);
        }
    }
    for (auto & [first, list] : found) {
        std::stable_sort(list.begin(), list.end(), [](const special & a, const special & b) {
            return a.text.size() > b.text.size();
        });
    }
    return found;
}

// The name that a mark stands for; empty where the text at this place is no mark. ``size``: the mark's bytes.
static std::string name_at(const std::string & text, size_t at, const std::string & opens, size_t & size) {
    if (text.compare(at, opens.size(), opens) != 0) {
        return "";
    }
    const size_t end = text.find(CLOSES, at);
    if (end == std::string::npos) {
        return "";
    }
    std::string name;
    for (size_t i = at + opens.size(); i + 1 < end; i += 2) {
        name += (char) strtol(text.substr(i, 2).c_str(), nullptr, 16);
    }
    size = end + strlen(CLOSES) - at;
    return name;
}

static bool is_space(char c) {
    return strchr(" \t\n\v\f\r", c) != nullptr && c != '\0';
}

static std::vector<llama_token> tokens_of(const llama_vocab * vocab, const std::string & text, bool add, bool parse) {
    std::vector<llama_token> ids(text.size() + 8);
    int count = llama_tokenize(vocab, text.data(), (int) text.size(), ids.data(), (int) ids.size(), add, parse);
    if (count < 0) {
        ids.resize(-count);
        count = llama_tokenize(vocab, text.data(), (int) text.size(), ids.data(), (int) ids.size(), add, parse);
    }
    ids.resize(std::max(count, 0));
    return ids;
}

std::vector<llama_token> heft_tokenize(
        const struct llama_vocab * vocab, const std::string & text, bool add_special, bool parse_special) {
    const char *      key   = std::getenv("HEFT_MARK_KEY");
    const std::string opens = std::string(OPENS) + (key != nullptr ? key : "") + ".";
    if (key == nullptr || !parse_special || text.find(opens) == std::string::npos) {
        return tokens_of(vocab, text, add_special, parse_special);
    }

    static const llama_vocab * known = nullptr;
    static std::map<char, std::vector<special>> specials;
    if (known != vocab) {
        known    = vocab;
        specials = specials_of(vocab);
    }

    std::vector<llama_token> ids = add_special ? tokens_of(vocab, "", true, false) : std::vector<llama_token>();
    if (!ids.empty() && llama_vocab_get_add_eos(vocab) && ids.back() == llama_vocab_eos(vocab)) {
        ids.pop_back();
    }
    const auto extend = [&](const std::string & piece, bool special) {
        const auto more = tokens_of(vocab, piece, false, special);
        ids.insert(ids.end(), more.begin(), more.end());
    };

    std::string plain; // read as llama.cpp reads any prompt
    std::string run;   // since the last control token, names of marks cut where llama.cpp would read them even so
    std::vector<std::string> cut;
    bool            typed = false;
    const special * left  = nullptr;

    const auto end_stretch = [&](const special * right) {
        if (!typed) {
            plain += run;
        } else {
            if (!plain.empty()) {
                extend(plain, true);
            }
            plain.clear();
            cut.push_back(run);
            if (left != nullptr && left->strips_right) {
                while (!cut.front().empty() && is_space(cut.front().front())) {
                    cut.front().erase(0, 1);
                }
            }
            if (right != nullptr && right->strips_left) {
                while (!cut.back().empty() && is_space(cut.back().back())) {
                    cut.back().pop_back();
                }
            }
            for (const auto & piece : cut) {
                extend(piece, false);
            }
        }
        if (right != nullptr) {
            plain += right->text;
        }
        left  = right;
        typed = false;
        run.clear();
        cut.clear();
    };

    for (size_t at = 0; at < text.size();) {
        size_t size = 0;
        const std::string name = name_at(text, at, opens, size);
        if (size > 0) {
            typed = true;
            bool defined = false;
            for (const auto & one : specials[name.empty() ? '\0' : name[0]]) {
                defined = defined || (one.defined && one.text == name);
            }
            if (defined) {
                cut.push_back(run + name.substr(0, 1));
                run = name.substr(1);
            } else {
                run += name;
            }
            at += size;
            continue;
        }
        const special * found = nullptr;
        const auto list = specials.find(text[at]);
        if (list != specials.end()) {
            for (const auto & one : list->second) {
                if (text.compare(at, one.text.size(), one.text) == 0) {
                    found = &one;
                    break;
                }
            }
        }
        if (found == nullptr) {
            run += text[at++];
            continue;
        }
        at += found->text.size();
        end_stretch(found);
    }
    end_stretch(nullptr);
    if (!plain.empty()) {
        extend(plain, true);
    }
    return ids;
}
