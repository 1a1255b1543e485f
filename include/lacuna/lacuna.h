// Everything: load a model, open a session, generate, render a chat, evaluate, compress.
#pragma once

#include "lacuna/chat.h"
#include "lacuna/compress.h"
#include "lacuna/evaluate.h"
#include "lacuna/generate.h"
#include "lacuna/grammar.h"
#include "lacuna/model.h"
#include "lacuna/sampling.h"
#include "lacuna/session.h"
#include "lacuna/status.h"
#include "lacuna/tasks.h"
#include "lacuna/tokenizer.h"
#include "lacuna/version.h"
