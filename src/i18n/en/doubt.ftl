# Answers that perhaps no person gave
doubt-word = To be checked
doubt-why = "{ $answer }" was perhaps pressed by a mail scanner; reminders go on. Ask by telephone
doubt-answer = This is not an answer yet
doubt-answer-why = Different answers were pressed at once, perhaps by a mail scanner, so none was taken. Please send your answer again.
