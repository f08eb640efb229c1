# The call list
call-title = To telephone
call-more = { $n } more to telephone
call-why-silent = No answer to "{ $what }".
call-why-way = Tell them by telephone: "{ $what }".
call-turn = Whose turn
call-turn-anybody = whoever is free at the desk
call-no-number = No telephone number in the directory
call-answer = Type in the answer
call-drill = In a drill nobody is called. The numbers are only shown.
call-primary = primary: { $desk }
call-alternate = alternate: { $desk }
