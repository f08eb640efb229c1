# Words of answer
