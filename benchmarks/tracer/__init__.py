"""What does the tracer find of faulty training programs, and what does it say of right ones?"""
