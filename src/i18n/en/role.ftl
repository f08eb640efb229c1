# Offering, accepting and handing over roles; rosters
offer-subject = Please take a role: { $role }
offer-body =
    Please take the role { $role }. Without an answer by { $clock }, the next person is asked.
    Whoever takes it gets the decisions and the requests to telephone.
offer-accept = I take it
offer-decline = I cannot
errand-by = is the time to answer by
errand-opening-is-none = Opening this page is not an answer.
errand-over = This incident is over
errand-over-when = It ended at { $clock }. There is nothing left to do here.
errand-yours = You hold this role
errand-yours-why = Decisions and requests to telephone come to you. To pass it on, sign in and hand it over.
errand-taken = Somebody else has taken this role
errand-taken-by = { $name } holds it now. No answer is needed.
errand-offer-over = This offer has ended, but you can still take the role
errand-asked-now = { $name } is being asked. Nobody holds it yet.
errand-nobody-asked = Nobody holds it yet.
errand-settled = This is settled
errand-settled-why = There has been an answer or a decision. There is nothing left to do here.
errand-not-yours = This decision is somebody else's now
errand-not-yours-why = The role was handed over, or the decision was raised.
errand-phones = Telephone
errand-sign-in = Sign in and see everything
errand-desk = Questions by telephone:
